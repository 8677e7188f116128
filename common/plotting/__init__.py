"""All figures: networks, runs, parity and studies, drawn from plain data by Matplotlib."""

from common.plotting.curves import LiveFigure, draw_comparison, draw_curves, save_curves
from common.plotting.figure import Scheme, colour_scheme, save_figure
from common.plotting.images import draw_images
from common.plotting.network import draw_network

__all__ = [
    "LiveFigure",
    "Scheme",
    "colour_scheme",
    "draw_comparison",
    "draw_curves",
    "draw_images",
    "draw_network",
    "save_curves",
    "save_figure",
]
