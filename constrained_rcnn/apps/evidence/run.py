"""Examines any number of files and writes their sheets."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from tqdm import tqdm

from ... import __version__
from ...evidence import Level
from ...evidence.examination import ask
from ...evidence.exhibit import Exhibit
from ...evidence.registry import WITNESSES
from ...utils.errors import UserError
from ...utils.files import write_bytes_atomic, write_json_atomic
from ...utils.output_folder import output_folder, raise_output_error, staged
from ...utils.provenance import now
from ..detect.table import harmless
from ..files import check_output, read_bytes, reason
from ..inputs import find_inputs, output_names, printable
from .findings import record_of
from .sheet import sheet


def run(inputs: list[str], output: str, witnesses: list[str], *, gps: bool = False) -> int:
    """Examines every input.

    Args:
        inputs: see :func:`..inputs.find_inputs`.
        output: folder, made if it is not there.
        witnesses: names; at least one.
        gps: keep where an image was taken.

    Returns:
        0, or 1 if any input was skipped; each is listed with its reason at the end.

    Raises:
        UserError: nothing to examine, no witness left, or inputs in the output folder.
        OutputError: an output cannot be written.
    """
    if not witnesses:
        raise UserError("no witness is left to be asked; leave out fewer of them")
    folder = Path(output)
    found = find_inputs(inputs, exclude=[folder])
    found.require_images("--input", *inputs)
    check_output(folder, found.files)
    names, rows, skipped = output_names(found.files), [], list(found.lost)
    with output_folder(folder):
        try:
            for file in tqdm(found.files, unit="image"):
                try:
                    rows.append(_examine(file, names[file], folder, witnesses, gps))
                except Exception as error:  # whatever one file does, the rest go on
                    raise_output_error(error, folder)
                    skipped.append((printable(file), reason(error, file)))
        finally:
            write_bytes_atomic(folder / "evidence.csv", _table(rows, skipped, witnesses).encode("utf-8-sig"))
    print(f"{len(rows)} images examined, {len(skipped)} skipped; sheets and evidence.csv in {printable(folder)}")
    for name, why in skipped:
        print(f"skipped: {name}: {why}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
    return 1 if skipped else 0


def _examine(file: Path, name: str, folder: Path, witnesses: list[str], gps: bool) -> dict[str, str]:
    """Writes an image's sheet and JSON; its row of the table."""
    data = read_bytes(file)
    exhibit = Exhibit.read(data, name=printable(file))
    findings = [ask(WITNESSES[witness], exhibit) for witness in WITNESSES if witness in witnesses]
    height, width = exhibit.size
    about = {
        "file": printable(file), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "time": now(),
        "format": exhibit.format, "width": width, "height": height, "version": __version__,
    }  # fmt: skip
    record = {**about, **record_of(findings, gps=gps)}
    with staged(folder) as stage:
        page = sheet(about, exhibit.pixels, findings, record, exhibit.profile)
        write_bytes_atomic(stage / f"{name}_evidence.html", page.encode("utf-8"))
        write_json_atomic(stage / f"{name}_evidence.json", record, indent=2)
    words = {one.witness: one.level.words for one in findings}
    strongest = Level(record["strongest"]).words
    return {"file": about["file"], "sheet": f"{name}_evidence.html", **words, "strongest": strongest}


def _table(rows: list[dict[str, str]], skipped: list[tuple[str, str]], witnesses: list[str]) -> str:
    columns = ["file", "sheet", *(name for name in WITNESSES if name in witnesses), "strongest", "skipped"]
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    table.writeheader()
    for row in [*rows, *({"file": name, "skipped": why} for name, why in skipped)]:
        table.writerow({key: harmless(text) for key, text in row.items()})
    return buffer.getvalue()
