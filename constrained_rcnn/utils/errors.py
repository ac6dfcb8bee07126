"""Errors that a person at the command line is meant to read."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any


class UserError(ValueError):
    """Bad input: a path, file, key or checkpoint that cannot be used.

    The message is one line that says which input, what is wrong with it and what to do.
    """


class OutputError(UserError):
    """An output that cannot be written. No other input would fare better: a run over many files ends at it."""


def command_line(main: Callable[..., Any]) -> Callable[..., int]:
    """Wraps a command's ``main`` so that bad input ends it with one line instead of a traceback.

    Args:
        main: function that returns an exit status or None (0).

    Returns:
        The wrapped function. ``UserError`` and ``OSError`` (a file that is not there or must not be read, a full
        disk) become ``error: ...`` on stderr and exit status 2; Ctrl-C becomes status 130; a closed output pipe
        status 141. Anything else is a bug of ours and keeps its traceback.
    """

    @functools.wraps(main)
    def run(*args: Any, **kwargs: Any) -> int:
        try:
            refuse_empty(args[0] if args and isinstance(args[0], (list, tuple)) else sys.argv[1:])
            return main(*args, **kwargs) or 0
        except UserError as error:
            print(f"error: {_one_line(error)}", file=sys.stderr)
            return 2
        except FileNotFoundError as error:
            name = error.filename if error.filename is not None else _one_line(error)
            print(f"error: {name}: no such file or folder; check the path", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except OSError as error:
            name = f"{error.filename}: " if error.filename is not None else ""
            print(f"error: {name}{(error.strerror or _one_line(error)).lower()}; check the path", file=sys.stderr)
            return 2

    return run


def refuse_empty(arguments: Sequence[str]) -> None:
    """An empty argument, which a variable that is not set makes, would stand for the current folder.

    Args:
        arguments: of a command line; values of config keys may be empty.

    Raises:
        UserError: names the option.
    """
    option = previous = ""
    for argument in arguments:
        if argument.startswith("--"):
            option, equals, value = argument.partition("=")
            if option == "--opts":
                return
            argument = value if equals else option
        if not argument and not re.fullmatch(r"[A-Z][A-Z0-9_.]+", previous):
            raise UserError(f"{option or 'an argument'}: is empty; name a file or folder (the current one is called .)")
        previous = argument


def _one_line(error: BaseException) -> str:
    text = str(error)
    if "Original Traceback" in text:  # raised in a loader's worker process, whose traceback Torch adds
        text = text.strip().splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())
