"""Completion of commands, options and file names in a shell."""

from __future__ import annotations

import argparse

from .command_table import BY_NAME, PREFIXES

#: Metavars of options that take a folder, and of those that take a file.
FOLDERS, FILES = ("DIR",), ("FILE", "HTML", "JSON", "MODEL.ckpt", "MODEL.pth", "PNG", "PTH")


def completion(shell: str, parser: argparse.ArgumentParser) -> str:
    """A script for ``bash`` or ``zsh``; all commands are imported for it.

    Args:
        shell: one of the two.
        parser: of the program without its commands; they are added.
    """
    import shtab

    _add_commands(parser)
    _mark_files(parser, shtab.FILE, shtab.DIRECTORY)
    return shtab.complete(parser, shell)


def _add_commands(top: argparse.ArgumentParser) -> None:
    commands = top.add_subparsers(metavar="COMMAND")
    groups = {
        prefix: commands.add_parser(prefix, help=text).add_subparsers(metavar="COMMAND")
        for prefix, text in PREFIXES.items()
    }
    for command in BY_NAME.values():
        *prefix, name = command.name.split()
        among = groups[prefix[0]] if prefix else commands
        command.describe(among.add_parser(name, help=command.help))


def _mark_files(parser: argparse.ArgumentParser, file, folder) -> None:
    for action in parser._actions:  # argparse has no other list of them
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _mark_files(inner, file, folder)
        elif action.metavar in FOLDERS:
            action.complete = folder  # type: ignore[attr-defined]
        elif action.metavar in FILES:
            action.complete = file  # type: ignore[attr-defined]
