"""``constrained-rcnn COMMAND``: finds the command, imports its module alone, and runs it."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import warnings
from collections.abc import Iterable, Sequence

from .. import __version__
from ..utils.errors import UserError, command_line
from .arguments import HelpFormatter, print_any_name, renamed
from .command_table import BY_NAME, COMMANDS, PREFIXES, Command

PROGRAM = "constrained-rcnn"
DESCRIPTION = "Detects image manipulation: whether an image was manipulated, how, and where."
SHELLS = ("bash", "zsh")


def call(name: str, arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
    """Runs a command.

    Args:
        name: of :mod:`.command_table`, for instance ``"prepare casia"``.
        arguments: of the command; None: the process's own.
        program: what usage lines call it; None: the process's own name.

    Returns:
        The exit status.

    Raises:
        UserError: bad input.
        SystemExit: help was asked for, or an option is wrong.
    """
    command = BY_NAME[name]
    parser = argparse.ArgumentParser(prog=program, formatter_class=HelpFormatter, allow_abbrev=False)
    command.describe(parser)
    args = parser.parse_args(arguments)
    print_any_name()
    # Of Detectron2's import; nothing that a user could do about it.
    warnings.filterwarnings("ignore", message=".*torch.jit.*is deprecated", category=FutureWarning)
    return command.load().run(args) or 0


@command_line
def main(argv: Sequence[str] | None = None) -> int:
    """The console script ``constrained-rcnn``.

    Args:
        argv: arguments; None: the process's own. Those of ``detect`` work without its name, as in the first release.

    Returns:
        The command's exit status; 2 for bad input.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    first, second = (words + ["", ""])[:2]
    if first in BY_NAME:
        return call(first, words[1:], program=f"{PROGRAM} {first}")
    if first in PREFIXES:
        name = f"{first} {second}"
        if name in BY_NAME:
            return call(name, words[2:], program=f"{PROGRAM} {name}")
        if second and not second.startswith("-"):
            raise _unknown(second, [one.split()[1] for one in BY_NAME if one.startswith(f"{first} ")], first)
        return _help(prefix_parser(first), words[1:])
    if first and not first.startswith("-"):
        raise _unknown(first, [*PREFIXES, *BY_NAME])
    if not first or first in ("-h", "--help", "--version") or first.startswith("--print-completion"):
        return _help(top_parser(), words)
    return call("detect", words, program=PROGRAM)


def front(name: str, *, new: str = "") -> int:
    """What a script in ``tools/`` or ``datasets/`` does: the command ``name`` under the script's own name.

    Args:
        name: see :func:`call`.
        new: the script's new name, where this is the old one.
    """
    if new:
        print(renamed(os.path.basename(sys.argv[0]), new), file=sys.stderr)
    return command_line(call)(name)


def top_parser() -> argparse.ArgumentParser:
    """Help of everything, version and completion."""
    parser = argparse.ArgumentParser(
        PROGRAM,
        f"{PROGRAM} COMMAND [options]\n       {PROGRAM} --input FILE ... --output DIR [options]   (means detect)",
        DESCRIPTION,
        "\n\n".join([*(_lines(title, some) for title, some in COMMANDS.items()), _more(PROGRAM)]),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument("--print-completion", choices=SHELLS, help="print what completes commands with the Tab key")
    return parser


def prefix_parser(prefix: str) -> argparse.ArgumentParser:
    """Help of the commands that begin with a word."""
    some = [command for name, command in BY_NAME.items() if name.startswith(f"{prefix} ")]
    usage = f"{PROGRAM} {prefix} COMMAND [options]"
    epilog = f"{_lines('Commands', some)}\n\n{_more(f'{PROGRAM} {prefix}')}"
    return argparse.ArgumentParser(
        f"{PROGRAM} {prefix}", usage, f"{PREFIXES[prefix]}.", epilog, formatter_class=HelpFormatter, allow_abbrev=False
    )


def _help(parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    shell = getattr(parser.parse_args(words), "print_completion", None)
    if shell:
        from .completion import completion

        print(completion(shell, parser))
        return 0
    parser.print_help(sys.stderr)  # no command was named
    return 2


def _lines(title: str, commands: Iterable[Command]) -> str:
    return "\n".join([f"{title}:", *(f"  {command.name:<25}{command.help}" for command in commands)])


def _more(program: str) -> str:
    return f"`{program} COMMAND --help` says more about a command."


def _unknown(word: str, names: Sequence[str], prefix: str = "") -> UserError:
    program = f"{PROGRAM} {prefix}".strip()
    close = difflib.get_close_matches(word, names, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    return UserError(f"{word}: {program} has no such command; {hint}`{program} --help` lists them")
