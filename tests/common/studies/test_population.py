"""The bundled population against the records, and its baseline against the page."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.population import FOLDERS, PAGE, written
from common import AnyNetSpec
from common.errors import BackendError, ConfigError, DataError
from common.spaces import space_from_dict
from common.statistics import cubic_baseline
from common.studies import Table, collect_population, load_population, save_population
from common.studies.networks import complexity
from common.studies.population import POPULATION


@pytest.fixture(scope="module")
def population():
    return load_population()


def test_the_bundled_population_is_that_of_the_records_value_for_value(population):
    assert collect_population(FOLDERS) == population


def test_the_bundled_population_is_small():
    assert POPULATION.stat().st_size < 5e6


def test_the_page_has_the_baselines_of_the_bundled_population(population):
    page = PAGE.read_text()
    assert written(page, population) == page
    assert "R^2 of the cubic" in page


def test_a_row_describes_its_network_and_space(population):
    row = next(population.where(study="studies/spaces").rows())
    assert space_from_dict(json.loads(row["space_definition"])).name == row["space"]
    assert AnyNetSpec.from_json(row["spec"]).in_channels == 1
    assert json.loads(row["training"])["epochs"] == len(row["errors"])
    assert row["errors"][-1] == row["error"]


def test_single_runs_are_there(population):
    runs = population.where(study="runs", network="torch-seed0")
    assert (runs["seed"], len(runs["errors"][0])) == ([0], 10)


def test_a_population_is_read_as_it_was_saved(tmp_path, population):
    few = Table({name: list(values[:3]) for name, values in population.columns.items()})
    save_population(few, tmp_path / "few.parquet")
    assert load_population(tmp_path / "few.parquet") == few


def test_a_file_that_is_no_population_is_one_error(tmp_path):
    (tmp_path / "a.parquet").write_text("no table")
    with pytest.raises(DataError, match="a.parquet: must be a population in Parquet; got"):
        load_population(tmp_path / "a.parquet")


def test_folders_without_records_are_one_error(tmp_path):
    with pytest.raises(DataError, match="population: folders must have study.json"):
        collect_population([tmp_path])


_SPEC = AnyNetSpec.from_arch(((1, 8),), 8)
_COSTS = ",".join(map(str, complexity(_SPEC, (28, 28)).values()))


def _study(folder, costs, more="", values=("",), **settings):
    training = {"backend": "torch", "seed": 4, "resize": [28, 28]}
    config = {"spaces": [{"name": "a"}], "training": training, **settings}
    (folder / "study.json").write_text(json.dumps(config))
    text = json.dumps(_SPEC.to_dict()).replace('"', '""')
    head = "space,index,state,error,params,flops,activations,seconds,error_1,message,spec"
    rows = [f'a,0,complete,0.5,{costs},1.0,0.5,,"{text}"{value}' for value in values]
    (folder / "networks.csv").write_text("\n".join([head + more, *rows, ""]))


@pytest.mark.parametrize(
    ("more", "values", "expected"),
    [
        ("", [""], [(4, 0.5, [0.5])]),
        (",seed", [",7", ",8"], [(7, 0.5, [0.5]), (8, 0.5, [0.5])]),
        (",error_repeat_0,error_repeat_1", [",0.4,0.6"], [(4, 0.4, []), (5, 0.6, [])]),
    ],
)
def test_each_seed_of_a_network_is_a_row(tmp_path, more, values, expected):
    _study(tmp_path, _COSTS, more, values)
    table = collect_population([tmp_path])
    assert list(zip(table["seed"], table["error"], table["errors"], strict=True)) == expected


def test_the_table_of_trainings_comes_before_that_of_networks(tmp_path):
    _study(tmp_path, _COSTS, ",seed", [",7", ",8"])
    (tmp_path / "networks.csv").rename(tmp_path / "trainings.csv")
    _study(tmp_path, _COSTS)
    assert collect_population([tmp_path])["seed"] == [7, 8]


@pytest.mark.parametrize("settings", [{"imported": {"file": "a.csv"}}, {"objective": {"a": 1}}])
def test_networks_that_nothing_here_trained_are_left_out(tmp_path, settings):
    _study(tmp_path, _COSTS, **settings)
    with pytest.raises(DataError, match="got none in"):
        collect_population([tmp_path])


def test_costs_that_are_not_those_of_the_spec_are_refused(tmp_path):
    _study(tmp_path, "1,2,3")
    with pytest.raises(DataError, match="network 1: its costs must be those of its spec.*'params'"):
        collect_population([tmp_path])


def test_an_unknown_column_is_one_error(population):
    with pytest.raises(ConfigError, match="table: columns are study, space, .*; got 'nothing'"):
        population["nothing"]


def test_the_cubic_explains_what_is_a_cubic():
    logs = np.linspace(10, 14, 20)
    fit = cubic_baseline(np.exp(logs), 0.2 - 0.01 * (logs - 12) ** 3)
    assert fit.r2 == pytest.approx(1)
    assert fit.held_out == pytest.approx(1)


def test_held_out_shares_are_those_of_leaving_each_network_out():
    stream = np.random.default_rng(0)
    params, errors = np.exp(stream.uniform(10, 14, 30)), stream.uniform(0.1, 0.2, 30)
    left = 0.0
    for index in range(30):
        others = np.arange(30) != index
        fit = np.polyfit(np.log(params[others]) - 12, errors[others], 3)
        left += (errors[index] - np.polyval(fit, np.log(params[index]) - 12)) ** 2
    expected = 1 - left / (errors.var() * 30)
    assert cubic_baseline(params, errors).held_out == pytest.approx(expected)


@pytest.mark.parametrize(
    ("params", "errors"),
    [
        ([1, 2, 3], [0.1, 0.2, 0.3]),
        ([5] * 9, range(9)),
        (range(9), range(9)),
        (range(1, 10), [1] * 9),
    ],
)
def test_a_baseline_without_enough_networks_is_one_error(params, errors):
    with pytest.raises(ConfigError, match="baseline: must have"):
        cubic_baseline(list(params), list(errors))


def test_results_are_a_table(study):
    table = study.results().to_table()
    assert (len(table), table["state"][0]) == (6, "waiting")
    assert table.where(space="AnyNetXA-small")["index"] == [0, 1, 2]


def test_a_frame_without_pandas_is_one_error(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        BackendError, match="pandas: must be installed for a DataFrame; got .*install it"
    ):
        study.results().to_frame()


def test_a_frame_has_the_columns_of_the_table(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    results = study.results()
    assert results.to_frame() == dict(results.to_table().columns)
