"""`anynet study`: train whole populations of networks and compare them."""

from common.cli.study.group import study

__all__ = ["study"]
