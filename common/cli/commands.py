"""Commands that messages suggest."""

import shlex


def command_line(*words: object) -> str:
    """The words of a command, quoted for a shell where they must be."""
    return shlex.join(map(str, words))
