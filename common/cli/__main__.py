"""`python -m common.cli`: the `anynet` command of this interpreter."""

from common.cli import main

main()
