"""What the command lines have in common; imports next to nothing, so that their help is quick."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

#: How every command calls a data set.
DATASET = "a registered name, or <root>/annotations/<split>.json of a prepared data set"


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions and names each option's default that is a number or a word."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        says = isinstance(action.default, (int, float, str)) and not isinstance(action.default, bool)
        if says and action.default not in ("", argparse.SUPPRESS) and "default" not in text:
            text += " (default: %(default)s)"
        return text


class _OldName(argparse.Action):
    """Does what the option's new name does, after a line about it on standard error."""

    def __init__(self, *args, new: argparse.Action, **kwargs):
        super().__init__(*args, **kwargs)
        self.new = new

    def __call__(self, parser, namespace, values, option_string=None):
        print(renamed(str(option_string), self.new.option_strings[0]), file=sys.stderr)
        self.new(parser, namespace, values, option_string)


def renamed(old: str, new: str) -> str:
    """What users of an old name are told."""
    return f"note: {old} is now called {new}; the old name ends with the next release"


def add_old_name(parser, new: argparse.Action, old: str) -> None:
    """Keeps an option's old name for one release: it is in no help, and says what it is called now.

    Args:
        parser: or a group of options.
        new: what ``add_argument`` returned; not a required option.
        old: with its dashes.
    """
    parser.add_argument(
        old, action=_OldName, new=new, nargs=new.nargs, type=new.type, choices=new.choices, dest=new.dest,
        default=argparse.SUPPRESS, help=argparse.SUPPRESS,
    )  # fmt: skip


def add_files(parser: argparse.ArgumentParser, *, case: bool = False) -> None:
    """``--input``, ``--output`` (or ``--case``) and ``--pages``, as :mod:`.inputs` and :mod:`.files` take them."""
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="FILE",
        help="files, folders, glob patterns; - reads such a list from standard input",
    )  # fmt: skip
    if case:
        destination = parser.add_mutually_exclusive_group(required=True)
        destination.add_argument("--output", metavar="DIR", help="folder for the results")
        destination.add_argument(
            "--case", metavar="DIR", help="new folder for a sealed case: copies, results, digests, log"
        )
    else:
        parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--pages", choices=("first", "all"), default="first",
        help="of files with several pages or frames: the first one (default), or each on its own",
    )  # fmt: skip


def add_run(parser: argparse.ArgumentParser) -> None:
    """``--resume``, ``--float-maps`` and ``--jobs``, as :mod:`.detect.run` takes them."""
    parser.add_argument("--resume", action="store_true", help="leave out images whose results are there already")
    parser.add_argument("--float-maps", action="store_true", help="also write <name>_map.npy, float32")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="worker processes that share the files")


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """``--dataset``, required."""
    parser.add_argument("--dataset", required=True, metavar="NAME", help=DATASET)


def add_figures(parser: argparse.ArgumentParser) -> None:
    """``--output``, for :func:`write_figures`."""
    parser.add_argument("--output", metavar="JSON", help="also write the figures there, as fractions")


def add_opts(parser: argparse.ArgumentParser, text: str = "config keys to override; stands last") -> None:
    """``--opts KEY VALUE ...``, which takes all that follows."""
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help=text)


def progress(unit: str = "image", **options: Any):
    """A function that shows a bar while its iterable is gone through."""
    from tqdm import tqdm

    return partial(tqdm, unit=unit, **options)


def write_figures(path: str | None, figures: Mapping[str, Any]) -> None:
    """Writes figures as JSON; undefined ones are null. No path: nothing."""
    if path:
        from ..evaluation.table import without_nan
        from ..utils.files import write_json_atomic

        write_json_atomic(path, without_nan(figures), indent=2)


def print_skipped(lines: Iterable[str]) -> int:
    """Prints what was skipped. Returns the exit status: 1 if anything was."""
    lines = list(lines)
    for line in lines:
        print(f"skipped: {line}")
    return int(bool(lines))


def positive(text: str) -> int:
    """A whole number from 1, for argparse."""
    if not re.fullmatch(r"0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"{text}: give a whole number from 1")
    return int(text)


def print_any_name() -> None:
    """Lets a name that the terminal's encoding lacks be printed as escapes instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
