"""Studies of networks that others trained: tables in CSV and JSON."""

import csv
import json

import pytest

from common import AnyNetSpec, count
from common.errors import ConfigError, DataError, StudyError
from common.spaces import SPACES
from common.studies import Study, import_study, work
from common.studies.networks import design, draw, stage_parameters
from common.studies.table import export_table

SPACE = SPACES["AnyNetXE-small"]
SPECS = [network.spec for network in draw(SPACE, 0, 4, 0)]


def _row(number, spec=None, **more):
    """A row with the error 0.1, 0.2, ... of the `number`-th network."""
    spec = spec or SPECS[number]
    return {"spec": spec.to_json(), "error": f"0.{number + 1}", **more}


@pytest.fixture
def table(tmp_path):
    """Writes a CSV table; returns its path."""

    def call(rows, name="theirs.csv"):
        path = tmp_path / name
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return call


@pytest.fixture
def store(tmp_path):
    return f"journal:{tmp_path / 'studies.log'}"


def test_a_table_of_specs_and_errors_becomes_a_study(table, store):
    study = import_study("theirs", store, table([_row(0), _row(1)]))
    results = Study.open("theirs", store).results()
    assert [r.network.spec for r in results] == SPECS[:2]
    assert [(r.state, r.error) for r in results] == [("complete", 0.1), ("complete", 0.2)]
    assert results[0].flops == count(SPECS[0], (28, 28)).flops
    assert [space.name for space in study.config.spaces] == ["theirs"]
    assert study.config.imported.file == "theirs.csv"


def test_all_that_a_table_may_tell_is_kept(table, store):
    costs = count(SPECS[0], (28, 28))
    more = {
        "space": "a", "index": "7", "error_1": "0.5", "error_2": "0.1", "epochs": "2",
        "params": costs.params, "flops": costs.flops, "activations": costs.activations,
        "seconds": "1.5", "metric_latency": "12", "message": "ours", "seed": "3",
    }  # fmt: skip
    study = import_study("theirs", store, table([_row(0, **more)]), about="by hand")
    (result,) = study.results()
    assert (result.network.name, result.errors, result.seconds) == ("a/7", (0.5, 0.1), 1.5)
    assert (result.metrics, result.message) == ({"latency": 12.0}, "ours")
    assert result.record[0]["seed"] == 3
    assert (study.config.training.epochs, study.config.imported.about) == (2, "by hand")


def test_networks_may_be_given_by_the_parameters_of_their_space(table, store):
    rows = [{**stage_parameters(spec), "error": "0.1"} for spec in SPECS]
    study = import_study("theirs", store, table(rows), [SPACE])
    assert [r.network.spec for r in study.results()] == SPECS
    assert study.config.spaces == (SPACE,)


def test_networks_may_be_given_by_the_parameters_of_regnets(table, store):
    row = {"depth": 6, "w_0": 16, "w_a": 12.8, "w_m": 2.0, "group_width": 8, "error": "0.1"}
    space = SPACES["RegNetX-small-uniform"]
    try:
        import_study("theirs", store, table([row]), [space])
    except DataError as error:
        pytest.fail(str(error))
    (result,) = Study.open("theirs", store).results()
    assert space.contains(result.network.spec)


def test_what_a_study_exports_is_imported_again(study, tmp_path, store):
    claim = study.claim("me")
    study.report(claim, 1, 0.5)
    study.finish(claim, 0.25, [], 1.5)
    for other in iter(lambda: study.claim("me"), None):
        study.fail(other, "no memory")
    export_table(study.results(), tmp_path / "networks.csv")
    again = import_study("again", store, tmp_path / "networks.csv", config=study.config)
    kept = [(r.network, r.state, r.error, r.errors, r.seconds) for r in again.results()]
    assert kept == [(r.network, r.state, r.error, r.errors, r.seconds) for r in study.results()]
    assert again.config.training == study.config.training


_OTHER = AnyNetSpec.from_arch(((1, 8),), 8)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([_row(0), _row(1, error="")], "row 2: error must be given for a complete network; got no"),
        ([_row(0, error="nan")], "row 1: error must be a finite number; got nan"),
        ([_row(0, error="12.5")], "row 1: error must be a share from 0 to 1; got 12.5; divide per"),
        ([_row(0, error="low")], "row 1: error must be a number; got low"),
        ([_row(0), _row(1, spec=SPECS[1], spce="1")], "columns must be among .*; got 'spce'"),
        ([_row(0, flops="7")], "row 1: flops must be .*, that of its spec at 28x28; got 7; --imag"),
        ([_row(0, depth="99")], "row 1: depth must be that of its spec, .*; got 99"),
        ([_row(0, d1="9", w1="8", b1="1", g1="8")], "row 1: its parameters must be those of its s"),
        ([{"error": "0.1"}], "row 1: spec must be given, or the parameters of a space; got neithe"),
        ([_row(0, space="a b")], "space: its name must be letters.*; give a column space, or rena"),
        ([_row(0, state="waiting")], "row 1: state must be one of complete, pruned, failed; got w"),
        ([_row(0, state="failed")], "row 1: error must be left out for a failed network; got 0.1"),
        ([_row(0, error_2="0.1")], "row 1: error_1 must be given, as a later epoch is; got an emp"),
        ([_row(0, index="0"), _row(1, index="0")], "row 2: theirs/0 must be one network; got anot"),
        ([_row(0, index="0"), _row(0, index="0")], "row 2: theirs/0 must be there once for each s"),
        ([_row(0, index="1.5")], "row 1: index must be an integer; got 1.5"),
        ([_row(0, epochs="0")], "row 1: epochs must be at least 1; got 0"),
        ([{**_row(0), "spec": "{}"}], "row 1: spec: "),
        ([{**_row(0), "spec": "no"}], "row 1: spec: must be JSON"),
        ([_row(0, **{"metric_a b": "1"})], "row 1: metrics: names must be letters"),
        ([_row(0, error_repeat_0="0.1")], "must have a row for each seed; got the column error_re"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_one_error_and_nothing_is_imported(table, store, tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        import_study("theirs", store, table(rows))
    assert not (tmp_path / "studies.log").exists()


def test_a_network_that_is_in_no_candidate_of_its_space_is_refused(table, store):
    with pytest.raises(DataError, match="row 1: must be a network of the space AnyNetXE-small"):
        import_study("theirs", store, table([_row(0, spec=_OTHER)]), [SPACE])


def test_a_space_that_is_not_given_is_refused(table, store):
    with pytest.raises(DataError, match="row 1: space must be one of AnyNetXE-small; got other"):
        import_study("theirs", store, table([_row(0, space="other")]), [SPACE])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "must have 1 to .* rows"),
        ("a.csv", "spec,error\n", "must have networks; got only a head"),
        ("a.csv", "spec,spec\n1,2\n", "columns must have different names"),
        ("a.csv", "spec,error\n1\n", "row 1: must have 2 cells; got 1"),
        ("a.txt", "spec,error\n1\n", "must end in .csv or .json; got '.txt'"),
        ("a.json", "[]", "must be a JSON object of networks by their encoding"),
        ("a.json", '{"01": 3}', "network 1: keys must be among activations, .*; got 3"),
        ("a.json", '{"01": {"loss": 1}}', "network 1: keys must be among .*; got 'loss'"),
        ("a.json", '{"01": {"params": 1}}', "network 1: must have test_acc, in percent, or errors"),
        ("a.json", '{"01": {"test_acc": ["90"]}}', "network 1: accuracies must be numbers"),
        (
            "a.json",
            '{"01": {"test_acc": [90, 80], "mean_acc": 86}}',
            "mean_acc must be the mean of",
        ),
        ("a.json", '{"01": {"test_acc": [101]}}', "network 1: error must be a number from 0 to 1"),
    ],
)
def test_a_file_that_is_no_table_is_one_error(tmp_path, store, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        import_study("theirs", store, tmp_path / name)


_MACRO = {
    f"0{n}{m}": {"test_acc": [90 + n, 91 + n, 92 + n], "mean_acc": 91 + n, "std": 0.8,
                 "params": 1000 * (n + 1), "flops": 10 * (m + 1)}
    for n in range(3) for m in range(3)
}  # fmt: skip


def test_a_full_population_of_networks_that_are_no_anynets_is_imported(tmp_path, store):
    (tmp_path / "macro.json").write_text(json.dumps(_MACRO))
    study = import_study("macro", store, tmp_path / "macro.json", about="CIFAR-10")
    results = Study.open("macro", store).results()
    assert len(results) == 9
    first = results[0]
    assert (first.network.label, first.network.numbers["position_2"]) == ("000", 0)
    assert first.error == pytest.approx(0.09)
    assert [one.error for one in first.trainings] == pytest.approx([0.1, 0.09, 0.08])
    assert (first.params, first.activations, study.config.seeds) == (1000, None, 3)


def test_columns_may_describe_networks_that_are_no_anynets(table, store):
    rows = [{"network": "one", "kernel": "3", "error": "0.2", "params": "10"},
            {"network": "two", "kernel": "5", "error": "0.1", "params": "20"}]  # fmt: skip
    study = import_study("theirs", store, table(rows), numbers=["kernel"])
    assert [r.network.numbers for r in study.results()] == [{"kernel": 3.0}, {"kernel": 5.0}]
    assert study.results().to_table()["network"] == ["one", "two"]
    with pytest.raises(DataError, match="must have the columns of --design; got no size"):
        import_study("other", store, table(rows), numbers=["size"])


def test_rows_of_one_network_with_several_seeds_are_its_trainings(table, store):
    rows = [_row(n, error=f"0.{n + 1}{seed}", seed=seed) for seed in (5, 4) for n in range(2)]
    study = import_study("theirs", store, table(rows))
    assert [r.error for r in study.results()] == pytest.approx([0.145, 0.245])
    assert [t.record[0]["seed"] for t in study.results()[0].trainings] == [4, 5]
    with pytest.raises(
        DataError, match="row 2: networks must have equally many seeds, 2 as the fi"
    ):
        import_study("uneven", store, table(rows[:3]))


def test_an_imported_study_is_not_trained_or_extended(table, store):
    study = import_study("theirs", store, table([_row(0)]))
    for call in (lambda: work(study), lambda: study.extend(1), study.retry):
        with pytest.raises(
            StudyError, match="must be trained here; got those imported from theirs"
        ):
            call()
    with pytest.raises(StudyError, match="must be trained here"):
        Study.create("again", store, study.config)


def test_a_name_that_is_taken_is_refused(table, store):
    import_study("theirs", store, table([_row(0)]))
    with pytest.raises(StudyError, match="its name must be free"):
        import_study("theirs", store, table([_row(1)]))
    assert len(Study.open("theirs", store).results()) == 1


def test_the_same_design_numbers_come_from_the_import(table, store):
    (result,) = import_study("theirs", store, table([_row(0)])).results()
    assert result.network.numbers == design(SPECS[0])


def test_a_study_without_data_needs_its_design_spaces(table, store):
    config = import_study("theirs", store, table([_row(0)])).config
    with pytest.raises(ConfigError, match="spaces: must be design spaces to train networks of"):
        type(config)(config.spaces)
