"""What all tests that need no framework have in common."""

from tests.curves import empty_curves  # noqa: F401  a fixture
