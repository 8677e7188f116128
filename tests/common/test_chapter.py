"""How a user's method is told from a shipped one."""

import functools

import pytest

from common.chapter import BUILDERS, add_to_class, call_builder, own_method
from common.data import FashionMNIST
from common.errors import SpecError


class _Shipped:
    def loss(self):
        """As a package has it."""


_Shipped.__module__ = _Shipped.loss.__module__ = "anynet_torch.model"


class _Compiled:
    """A method as a framework's decorator leaves it."""

    __module__ = "tensorflow.python.eager"

    def __call__(self):
        """Nothing."""


class _Mine(_Shipped):
    training_step = _Compiled()

    def loss(self):
        """A user's."""


def test_shipped_methods_are_not_the_users():
    assert own_method(_Shipped(), "loss") is None
    assert own_method(_Shipped(), "training_step") is None
    assert own_method(type("Mine", (_Shipped,), {})(), "loss") is None


@pytest.mark.parametrize("name", ["loss", "training_step"])
def test_methods_of_a_users_class_are_seen_whatever_decorates_them(name):
    assert own_method(_Mine(), name) is not None


def test_methods_that_are_added_or_set_are_seen():
    kind = type("Shipped", (_Shipped,), {"__module__": "anynet_torch.model"})

    @add_to_class(kind)
    def loss(self):
        """A user's."""

    one, other = kind(), _Shipped()
    other.loss = functools.partial(print)
    assert own_method(one, "loss") is not None
    assert own_method(other, "loss") is not None


def test_the_data_are_shipped():
    data = object.__new__(FashionMNIST)
    assert own_method(data, "train_dataloader") is None
    assert [name for name in BUILDERS if own_method(data, name)] == []


def test_a_builder_is_given_what_it_takes():
    assert call_builder(lambda a: a, 1, 2, 3, needed=1) == 1
    assert call_builder(lambda *a: a, 1, 2, needed=1) == (1, 2)
    assert call_builder(lambda a, b=0, name=None: (a, b, name), 1, 2, 3, needed=1, name="x") == (
        1, 2, "x",
    )  # fmt: skip


def test_a_builder_that_takes_too_little_is_refused():
    def stage(depth):
        """A user's."""

    with pytest.raises(SpecError, match="stage: must take 2 arguments .* takes 1: depth"):
        call_builder(stage, 1, 2, needed=2)
