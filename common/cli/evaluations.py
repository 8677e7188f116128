"""Printing of an evaluation."""

from common.cli.tables import print_table
from common.training import Evaluation


def print_evaluation(evaluation: Evaluation, classes: tuple[str, ...]) -> None:
    """Print accuracy, loss, and the confusion matrix with the accuracy of each class."""
    names = evaluation.names(classes)
    rows = [
        (name, *row, accuracy)
        for name, row, accuracy in zip(
            names, evaluation.confusion.tolist(), evaluation.per_class.tolist(), strict=True
        )
    ]
    title = (
        f"accuracy {evaluation.accuracy:.4f}, loss {evaluation.loss:.4f} "
        f"on {evaluation.images:,} images; rows are true classes, columns predicted ones"
    )
    head = ("", *(str(number) for number in range(len(names))), "accuracy")
    numbered = [(f"{index} {row[0]}", *row[1:]) for index, row in enumerate(rows)]
    print_table(title, head, numbered)
