"""A small archive of images that share things, and what an index of it holds."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from constrained_rcnn.matching.index.manifest import FILE
from constrained_rcnn.utils.provenance import sha256


def make_archive(folder: Path) -> Path:
    """An original, an altered version, a reduced and a mirrored one, the donor of the altered part, its copy, and two
    images that share nothing with any other."""
    folder.mkdir(parents=True)
    original = cv2.resize(data.coffee()[:, :, ::-1], (420, 280), interpolation=cv2.INTER_AREA)
    donor = cv2.resize(data.astronaut()[:, :, ::-1], (360, 360), interpolation=cv2.INTER_AREA)
    altered = original.copy()
    altered[140:250, 30:120] = donor[20:130, 110:200]
    images = {
        "original.png": original, "altered.jpg": altered, "donor.png": donor,
        "mirrored.jpg": np.ascontiguousarray(original[:, ::-1]),
        "small.jpg": cv2.resize(original, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
        "cat.png": cv2.resize(data.chelsea()[:, :, ::-1], (320, 220), interpolation=cv2.INTER_AREA),
        "rocket.jpg": cv2.resize(data.rocket()[:, :, ::-1], (360, 240), interpolation=cv2.INTER_AREA),
    }  # fmt: skip
    for name, pixels in images.items():
        assert cv2.imwrite(str(folder / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    shutil.copy(folder / "donor.png", folder / "donor_copy.png")
    return folder


def content(index: Path) -> dict:
    """Everything that an index holds, and the names of its files."""
    connection = sqlite3.connect(index / FILE)
    tables = ("settings", "segments", "images", "places")
    rows = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}
    connection.close()
    return {**rows, "files": {path.name: sha256(path) for path in sorted(index.glob("*.faiss"))}}


def told(folder: Path) -> dict[frozenset[str], str]:
    """Of a folder of results: the names of both files -> their relation."""
    pairs = json.loads((folder / "pairs.json").read_text(encoding="utf-8"))["pairs"]
    return {frozenset(Path(pair[side]).name for side in ("first", "second")): pair["relation"] for pair in pairs}
