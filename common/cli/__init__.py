"""The `anynet` command."""

from common.cli.app import main

__all__ = ["main"]
