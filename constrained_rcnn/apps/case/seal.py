"""``detect --case``: keeps files, settings, results and log of a detection, and seals them."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from ...config_text import config_sha256
from ...model_zoo import load_default_config
from ...utils.errors import UserError
from ...utils.files import printable, write_json_atomic
from ...utils.output_folder import output_folder
from ...utils.provenance import now, sha256
from ..detect.network import about_of
from ..detect.run import ALL
from ..detect.run import run as detect
from ..evidence.options import EvidenceOptions
from ..image_pages import FIRST
from ..inputs import Inputs, find_inputs
from .environment import environment
from .layout import CASE, LOG, MANIFEST, RESULTS, SCHEMA_VERSION, refuse_used
from .manifest import write_manifest
from .originals import keep


class Log:
    """``log.txt``: a line for each step, with the time in UTC."""

    def __init__(self, path: Path):
        self._path = path

    def __call__(self, text: str) -> None:
        with open(self._path, "a", encoding="utf-8", newline="\n") as file:
            file.write(f"{now()} {text}\n")


def seal(
    case: str,
    config_file: str | None,
    inputs: list[str],
    options: list[str],
    *,
    float_maps: bool = False,
    copy_move: bool = True,
    pages: str = FIRST,
    jobs: int = 1,
    evidence: EvidenceOptions | None = ALL,
) -> int:
    """Detects in copies of the inputs, in a folder that holds nothing else, and seals it.

    Args:
        case: the folder; made if it is not there.
        config_file, inputs, options, float_maps, copy_move, pages, jobs, evidence: see :func:`..detect.run.run`.

    Returns:
        0, or 1 if any input was skipped; the case is sealed in both.

    Raises:
        UserError: the folder is not empty, there is no image, or a config or weights that cannot be used.
        OutputError: something cannot be written. The case is not sealed then, nor after any other error.
    """
    folder = Path(case)
    refuse_used(folder)
    found = find_inputs(inputs, exclude=[folder])
    found.require_images("--input", *inputs)
    if not copy_move:
        options = [*options, "TEST.REPEATS", "False"]
        evidence = evidence and evidence.without("copy_move")
    cfg = load_default_config(config_file, options)
    about = about_of(cfg)
    settings = {
        "config_file": config_file and printable(config_file), "inputs": [printable(one) for one in inputs],
        "opts": [printable(one) for one in options], "pages": pages, "float_maps": float_maps,
        "copy_move": copy_move, "jobs": jobs,
        "witnesses": list(evidence.witnesses) if evidence else [], "gps": bool(evidence and evidence.gps),
    }  # fmt: skip
    made_with = {
        "weights": about["weights"], "config_sha256": config_sha256(cfg),
        "environment": environment(cfg.MODEL.DEVICE, min(jobs, len(found.files))), "options": settings,
    }  # fmt: skip
    with output_folder(folder, "--case"):
        refuse_used(folder)  # another run may have been quicker
        try:
            status, count = _fill(folder, found, made_with, config_file, options, evidence)
        except BaseException:
            print(f"{printable(folder)}: this case is NOT sealed and proves nothing; delete it", file=sys.stderr)
            raise
    print(f"sealed: {printable(folder)}, {count} files. Note elsewhere the SHA-256 of its {MANIFEST}:\n"
          f"{sha256(folder / MANIFEST)}")  # fmt: skip
    return status


def _fill(
    folder: Path, found: Inputs, made_with: dict[str, Any], config_file: str | None, options: list[str],
    evidence: EvidenceOptions | None,
) -> tuple[int, int]:  # fmt: skip
    """The part of :func:`seal` for which the folder is claimed; exit status, number of files."""
    log, started, chosen = Log(folder / LOG), now(), made_with["options"]
    log("started with " + ", ".join(f"{name} {value}" for name, value in made_with["environment"].items()))
    log(f"weights {made_with['weights']['file']}, SHA-256 {made_with['weights']['sha256']}")
    log(f"config, SHA-256 {made_with['config_sha256']}")
    kept, lost = keep(found.files, folder, log)
    lost += [{"file": file, "reason": why} for file, why in found.lost]
    for one in lost:
        print(f"skipped: {one['file']}: {one['reason']}")
    if not kept:
        raise UserError("none of the inputs can be read; give others")
    copies = [str(folder / one["copy"]) for one in kept]
    status = detect(
        config_file, copies, str(folder / RESULTS), options, float_maps=chosen["float_maps"],
        copy_move=chosen["copy_move"], pages=chosen["pages"], jobs=chosen["jobs"], evidence=evidence,
    )  # fmt: skip
    with open(folder / RESULTS / "results.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            log(f"detection: {row['file']}: {row['status']}, {row['reason'] or 'score ' + row['score']}")
    log("the seal follows")
    write_json_atomic(
        folder / CASE,
        {"schema_version": SCHEMA_VERSION, "started": started, "sealed": now(), **made_with, "files": kept,
         "skipped": lost, "left_out": found.left_out},
        indent=2,
    )  # fmt: skip
    return int(bool(status or lost)), write_manifest(folder, {one["copy"]: one["sha256"] for one in kept})
