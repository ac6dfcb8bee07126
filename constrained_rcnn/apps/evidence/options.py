"""The options that say which witnesses are asked; imports next to nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from ...evidence.names import WITNESS_NAMES
from ...utils.errors import UserError

#: The witness that needs a network: ``detect`` alone asks it, and it comes last on the sheet.
NETWORK = "network"
#: All that ``detect`` can ask, in the order of the sheet.
ALL_WITNESSES = (*WITNESS_NAMES, NETWORK)


@dataclass(frozen=True)
class EvidenceOptions:
    """Attributes: witnesses: names, in the order of the sheet. gps: keep where an image was taken."""

    witnesses: tuple[str, ...] = ALL_WITNESSES
    gps: bool = False

    def without(self, name: str) -> EvidenceOptions:
        """The same without a witness.

        Raises:
            UserError: nobody is left.
        """
        return _of([one for one in self.witnesses if one != name], self.gps)


def add_witnesses(parser, names: Sequence[str]) -> None:
    """``--witnesses``, ``--without`` and ``--gps``.

    Args:
        parser: or a group of options.
        names: of the witnesses that can be asked.
    """
    parser.add_argument(
        "--witnesses", nargs="+", choices=names, metavar="NAME",
        help=f"ask these only (default: all of them): {', '.join(names)}",
    )  # fmt: skip
    parser.add_argument("--without", nargs="+", choices=names, default=[], metavar="NAME", help="leave these out")
    parser.add_argument(
        "--gps", action="store_true",
        help="also show where the image was taken, on the sheet and in the JSON; never in the CSV",
    )  # fmt: skip


def add_sheets(parser) -> None:
    """The options of evidence sheets beside results of detection, for :func:`sheets_asked`."""
    sheets = parser.add_argument_group("evidence sheets")
    sheets.add_argument("--no-evidence", action="store_true", help="write no sheets, and ask no witness")
    add_witnesses(sheets, ALL_WITNESSES)


def sheets_asked(args: argparse.Namespace) -> EvidenceOptions | None:
    """What the options of :func:`add_sheets` say; None: no sheets.

    Raises:
        UserError: no witness is left.
    """
    return None if args.no_evidence else asked(args, ALL_WITNESSES)


def asked(args: argparse.Namespace, names: Sequence[str]) -> EvidenceOptions:
    """What the options of :func:`add_witnesses` say.

    Raises:
        UserError: no witness is left.
    """
    return _of([name for name in names if name in (args.witnesses or names) and name not in args.without], args.gps)


def _of(witnesses: Sequence[str], gps: bool) -> EvidenceOptions:
    if not witnesses:
        raise UserError("no witness is left to be asked; leave out fewer of them")
    return EvidenceOptions(tuple(witnesses), gps)
