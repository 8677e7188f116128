"""Records of runs, read back."""

import json

import pytest

from common.errors import DataError
from common.training import read_record


def test_a_broken_record_names_its_line(tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_text('{"kind": "start"}\nnonsense\n')
    with pytest.raises(DataError, match="record.jsonl, line 2: must be a JSON object"):
        read_record(path)


@pytest.mark.parametrize("kind", ["interval", "epoch"])
@pytest.mark.parametrize(
    "damage", [lambda row, key: row.pop(key), lambda row, key: row.update({key: "1"})]
)
def test_a_row_without_a_number_that_is_drawn_is_refused(tmp_path, kind, damage):
    path = tmp_path / "record.jsonl"
    row = {"kind": kind, "step": 1, "epoch": 1}
    row |= {f"{part}{name}": 0.5 for part in {"interval": ("",), "epoch": ("train_", "val_")}[kind]
            for name in ("loss", "accuracy")}  # fmt: skip
    path.write_text(json.dumps(row) + "\n")
    assert read_record(path) == [row]
    for key in row.keys() - {"kind"}:
        damaged = dict(row)
        damage(damaged, key)
        path.write_text(json.dumps(damaged) + "\n")
        with pytest.raises(DataError, match=r"record.jsonl, line 1.*" + key):
            read_record(path)
