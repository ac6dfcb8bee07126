"""NIST Nimble Challenge 2016 (NC2016_Test0613): splice, copy-move and removal by the reference CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...utils.errors import UserError
from ..findings import NOTED, SKIPPED, Finding
from ..mask_options import USUAL, MaskOptions
from . import MaskFile, Sample, Scan

REFERENCE = "reference/manipulation/NC2016-manipulation-ref.csv"
#: Columns of the manipulation types, in the order in which they win where a row has several.
TYPES = {
    "ismanipulationtypesplice": "splice",
    "ismanipulationtypecopyclone": "copy-move",
    "ismanipulationtyperemoval": "removal",
}
_NEEDED = ("probefilename", "probemaskfilename", "istarget", *TYPES)


@dataclass(frozen=True)
class Layout:
    """The folder, its reference CSV, and the CSV's rows (keys in lower case, values stripped)."""

    root: Path
    reference: Path
    rows: list[dict[str, str]]

    @property
    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        names = dict.fromkeys(row[key] for row in self.rows for key in ("probefilename", "probemaskfilename"))
        files = (_under(self.root, name) for name in names if name)
        return [self.reference, *(path for path in files if path.is_file())]


def find_layout(root: Path) -> Layout:
    """Finds and reads the reference CSV. Raises UserError where there is none, or not of that form."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; give NIST16's with --root")
    reference = root / REFERENCE
    if not reference.is_file():
        raise UserError(f"{reference}: no such file; --help shows the tree")
    try:
        with open(reference, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter="|"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{reference}: cannot be read ({error})") from None
    rows = [
        {key.strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        for row in rows
    ]
    missing = [name for name in _NEEDED if not rows or name not in rows[0]]
    if missing:
        raise UserError(f"{reference}: no column {missing[0]} (columns are separated by `|`); --help names them")
    return Layout(root, reference, rows)


def scan(layout: Layout, options: MaskOptions = USUAL) -> Scan:
    """One sample per row, its technique by the type columns, its sources by base and donor."""
    samples: dict[Path, Sample] = {}
    findings: list[Finding] = []
    for number, row in enumerate(layout.rows, start=2):
        name = row["probefilename"]
        if not name:
            findings.append(Finding(SKIPPED, "no probe", f"line {number}", "no ProbeFileName in the reference CSV"))
            continue
        probe = _under(layout.root, name)
        file = Path(name.replace("\\", "/")).as_posix()
        if probe in samples:
            findings.append(Finding(SKIPPED, "listed twice", file, f"line {number}: the first row counts"))
            continue
        truth = None
        if row["istarget"].upper() != "N":
            types = [technique for key, technique in TYPES.items() if row[key].upper() == "Y"]
            if not types:
                findings.append(Finding(SKIPPED, "no technique", file, "manipulated, but of none of the three types"))
                continue
            if len(types) > 1:
                message = f"{' and '.join(types)} in one mask: all of it counts as {types[0]}"
                findings.append(Finding(NOTED, "several techniques", file, message))
            if not row["probemaskfilename"]:
                findings.append(Finding(SKIPPED, "no mask", file, "no ProbeMaskFileName in the reference CSV"))
                continue
            truth = MaskFile(_under(layout.root, row["probemaskfilename"]), types[0], options, dark=True)
        samples[probe] = Sample(probe, truth, _sources(row))
    return Scan(list(samples.values()), findings)


def _sources(row: Mapping[str, str]) -> tuple[str, ...]:
    """Base and donor by file name, without folder; a probe without a base is its own (it may be another's)."""
    base = row.get("basefilename") or row["probefilename"]
    names = [name for name in (base, row.get("donorfilename", "")) if name]
    return tuple(dict.fromkeys(Path(name.replace("\\", "/")).name.lower() for name in names))


def _under(root: Path, name: str) -> Path:
    """A path of the CSV under the root, also if it was written on Windows."""
    return root / Path(name.replace("\\", "/"))
