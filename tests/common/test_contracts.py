"""Every public name of the four packages has a contract, with tests that are there."""

import ast
from itertools import pairwise

import pytest

from tests.backends.contracts import CONTRACTS
from tests.common.test_structure import _EXTRA_NAMES, _PACKAGES, _ROOT, _exports, _tree

_TAKES_NOTHING = {
    "HyperParameters", "add_to_class", "clear_caches", "devices", "keep_freed_memory",
    "own_stream",
}  # fmt: skip
"""What is given no input that could be bad."""


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_exported_name_has_a_contract(package):
    assert _exports(package) - _EXTRA_NAMES[package] == set(CONTRACTS)


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_tests_of_a_contract_are_there(name):
    contract = CONTRACTS[name]
    wanted = [place.split("::") for place in (*contract.good, *contract.bad)]
    assert [(file, test) for file, test in wanted if test not in _tests(file)] == []


@pytest.mark.parametrize("name", sorted(set(CONTRACTS) - _TAKES_NOTHING))
def test_a_function_has_a_test_of_bad_input(name):
    assert CONTRACTS[name].bad or name.isupper() or name == "RegNetX32"


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_mirrors_state_the_same_capabilities(package):
    assert _constants(package) == _constants("anynet_torch")


def _tests(file):
    return {
        node.name
        for node in _tree(_ROOT / "tests" / file).body
        if isinstance(node, ast.FunctionDef)
    }


def _constants(package):
    """Each constant with its type and the first line of its docstring, in order."""
    body = _tree(_ROOT / package / "capabilities.py").body
    return [
        (node.target.id, type(node.value.value), ast.literal_eval(text.value).split("\n")[0])
        for node, text in pairwise(body)
        if isinstance(node, ast.AnnAssign)
    ]
