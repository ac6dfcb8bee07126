"""Any folder of images through the command that prepares it."""

from __future__ import annotations

import json
from pathlib import Path

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from tests.helpers.commands import calling

SCRIPT = "datasets/prepare_folder.py"


def findings(root: Path, name: str) -> dict[str, str]:
    rows = json.loads((root / f"annotations/{name}_report.json").read_text())["findings"]
    return {row["file"]: f"{row['action']}: {row['kind']}" for row in rows}


def prepared(root: Path, *arguments) -> tuple[dict[str, dict], dict[str, str]]:
    """(entries, findings) by name relative to ``images``, of images/ and masks/ (or what is given) in ``root``."""
    places = ["--images", root / "images", "--root", root / "out", "--name", "x"]
    if (root / "masks").is_dir():
        places += ["--masks", root / "masks"]
    assert calling("prepare folder")([str(word) for word in (*places, *arguments)]) == 0
    entries = annotation_format.load(root / "out/annotations/x.json")
    named = {Path(entry["file_name"]).relative_to(root / "images").as_posix(): entry for entry in entries}
    return named, findings(root / "out", "x")


def area(entry: dict) -> int:
    return int(read_mask(entry["mask_file_name"], (entry["height"], entry["width"])).sum())
