"""Printing of an evaluation."""

import click

from common.cli.tables import print_table
from common.training import Evaluation

MAX_COLUMNS = 20
"""Number of classes up to which the confusion matrix is printed."""


def print_evaluation(evaluation: Evaluation, classes: tuple[str, ...]) -> None:
    """Print accuracies and loss, and the confusion matrix with the metrics of each class.

    Metrics without a value are shown as `-`. For many classes the matrix is left out.
    """
    names = evaluation.names(classes)
    matrix = evaluation.confusion.tolist()
    shown = len(names) <= MAX_COLUMNS
    rows = [
        (f"{index} {names[index]}", *(matrix[index] if shown else [sum(matrix[index])]), *metrics)
        for index, metrics in enumerate(_metrics(evaluation))
    ]
    head = ("", *(map(str, range(len(names))) if shown else ["images"]), *_METRICS)
    macro = (evaluation.macro_precision, evaluation.macro_recall, evaluation.macro_f1)
    foot = ("mean", *([""] * (len(head) - 4)), *macro)
    print_table(_title(evaluation, shown), head, rows, foot)
    if not shown:
        click.echo("the confusion matrix is in the JSON output and in the record of the run")


_METRICS = ("precision", "recall", "F1")


def _metrics(evaluation: Evaluation) -> list[tuple[float | str, ...]]:
    """Precision, recall and F1 of each class."""
    columns = (evaluation.precision, evaluation.recall, evaluation.f1)
    return [
        tuple("-" if value != value else value for value in row)
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _title(evaluation: Evaluation, shown: bool) -> str:
    top5 = evaluation.top5_accuracy
    return (
        f"accuracy {evaluation.accuracy:.4f}, "
        + (f"top-5 accuracy {top5:.4f}, " if top5 is not None else "")
        + f"loss {evaluation.loss:.4f} on {evaluation.images:,} images"
        + ("; rows are true classes, columns predicted ones" if shown else "")
    )
