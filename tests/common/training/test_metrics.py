"""The metrics of an evaluation, from counts worked out by hand."""

import numpy as np
import pytest

from common.cli.evaluations import print_evaluation
from common.training import Evaluation, evaluate

_COUNTS = np.array([[4, 1, 0, 0], [2, 2, 0, 1], [0, 3, 0, 0], [0, 0, 0, 0]])
"""Class 2 is never predicted, and class 3 has no images."""

_CLASSES = ("ant", "bee", "cat", "dog")


@pytest.fixture
def found():
    return Evaluation(0.5, _COUNTS)


@pytest.mark.parametrize(("metric", "expected"), [
    ("recall", [4 / 5, 2 / 5, 0, np.nan]),
    ("per_class", [4 / 5, 2 / 5, 0, np.nan]),
    ("precision", [4 / 6, 2 / 6, 0, 0]),
    ("f1", [8 / 11, 4 / 11, 0, 0]),
])  # fmt: skip
def test_a_metric_of_each_class_is_the_quotient_of_its_counts(found, metric, expected):
    np.testing.assert_allclose(getattr(found, metric), expected, rtol=1e-15)


@pytest.mark.parametrize(("metric", "expected"), [
    ("macro_recall", (4 / 5 + 2 / 5) / 3),
    ("macro_precision", (4 / 6 + 2 / 6) / 3),
    ("macro_f1", (8 / 11 + 4 / 11) / 3),
])  # fmt: skip
def test_a_macro_average_is_over_the_classes_with_images(found, metric, expected):
    assert getattr(found, metric) == pytest.approx(expected, rel=1e-15)


def test_a_class_without_images_and_predictions_has_no_metrics():
    found = Evaluation(0.0, np.diag([3, 0]))
    for metric in (found.precision, found.recall, found.f1):
        np.testing.assert_array_equal(metric, [1, np.nan])


class _Fixed:
    """A learner whose logits are given."""

    def __init__(self, logits):
        self.logits = np.array(logits, np.float32)

    def eval_step(self, images):
        return self.logits[: len(images)]


def _evaluated(logits, labels):
    batch = np.zeros((len(labels), 1, 2, 2), np.uint8), np.array(labels, np.int32)
    return evaluate(_Fixed(logits), [batch])


def test_top_5_accuracy_counts_the_labels_among_the_five_largest_logits():
    logits = [[7, 6, 5, 4, 3, 2, 1]] * 4
    assert _evaluated(logits, [0, 4, 5, 6]).top5_accuracy == 0.5


def test_of_equal_logits_the_first_classes_are_the_largest():
    assert _evaluated([[0.0] * 6] * 6, list(range(6))).top5_accuracy == 5 / 6


def test_five_classes_have_no_top_5_accuracy():
    assert _evaluated([[1.0] * 5], [0]).top5_accuracy is None


def test_the_copies_that_fill_a_last_batch_are_not_counted():
    batches = [
        (np.zeros((count, 1, 2, 2), np.uint8), np.full(count, label, np.int32))
        for count, label in ((3, 0), (1, 5))
    ]
    found = evaluate(_Fixed([[6, 5, 4, 3, 2, 1]] * 3), batches)
    assert (found.images, found.top5_accuracy) == (4, 0.75)


def test_plain_data_have_every_metric_and_null_for_those_without_a_value(found):
    values = found.to_dict(_CLASSES)
    assert values["per_class_recall"] == values["per_class_accuracy"]
    assert values["per_class_recall"]["dog"] is None
    assert values["per_class_precision"]["dog"] == 0
    assert values["per_class_f1"]["ant"] == pytest.approx(8 / 11)
    assert values["macro_f1"] == found.macro_f1
    assert values["top5_accuracy"] is None


def test_the_table_has_the_matrix_the_metrics_of_each_class_and_their_means(found, capsys):
    print_evaluation(found, _CLASSES)
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split()[0]: line.split() for line in lines if line.strip()}
    assert "accuracy 0.4615, loss 0.5000 on 13 images" in lines[0]
    assert cells["1"] == ["1", "bee", "2", "2", "0", "1", "0.3333", "0.4000", "0.3636"]
    assert cells["3"][-3:] == ["0.0000", "-", "0.0000"]
    assert cells["mean"][1:] == ["0.3333", "0.4000", "0.3636"]


def test_the_table_of_many_classes_has_no_matrix(capsys):
    print_evaluation(Evaluation(0.5, 2 * np.eye(30, dtype=np.int64), 1.0), ())
    out = capsys.readouterr().out
    assert "top-5 accuracy 1.0000" in out
    assert max(map(len, out.splitlines())) < 100
