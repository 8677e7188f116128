"""Commands that messages suggest."""

import shlex


def command_line(*words: object) -> str:
    """The words joined to a command, quoted for a shell where necessary."""
    return shlex.join(map(str, words))
