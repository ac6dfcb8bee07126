"""What to make of a source, and a fingerprint that tells whether it has been made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Counts up when the same inputs give other outputs, so that what an older version prepared is made anew.
VERSION = 3


@dataclass(frozen=True)
class Plan:
    """What to make of a source.

    Attributes:
        name: data set; files are ``annotations/<name>.json``, ``annotations/<name>_train.json``, ...
        output: folder of ``annotations/`` and ``masks/``.
        image_root: folder that the image names are relative to.
        inputs: every file that the result depends on.
        options: whatever else it depends on (JSON values).
        test_fraction: share of the images to test on; None makes no split.
        split_file: a split to use instead of drawing one.
        seed: of the draw.
        workers: threads.
        authentic_only: whether the set is meant to hold no forged image; None: the source always has some.
    """

    name: str
    output: Path
    image_root: Path
    inputs: list[Path]
    options: Mapping[str, Any] = field(default_factory=dict)
    test_fraction: float | None = None
    split_file: Path | None = None
    seed: int = 0
    workers: int = 2
    authentic_only: bool | None = None

    @property
    def annotations(self) -> Path:
        return self.output / "annotations"

    @property
    def report_file(self) -> Path:
        return self.annotations / f"{self.name}_report.json"

    @property
    def recorded_root(self) -> str:
        """For ``info.image_root``: "." where images and output share a folder, else the images' folder."""
        root = self.image_root.resolve()
        return "." if root == self.output.resolve() else root.as_posix()

    def fingerprint(self) -> str:
        """Digest of the inputs' names, sizes and times of change, of the options and ``VERSION``."""
        split_file = [self.split_file] if self.split_file else []
        plan = [
            VERSION,
            self.name,
            self.recorded_root,
            self.test_fraction,
            self.seed,
            bool(split_file),
            self.options,
            self.authentic_only,
        ]
        digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode())
        for name, path in sorted(
            (os.path.relpath(path, self.image_root), path) for path in [*self.inputs, *split_file]
        ):
            status = path.stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()
