"""A miniature prepared dataset: noise images in which forged boxes have another noise level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.data.annotation import annotate
from constrained_rcnn.data.techniques import AUTHENTIC, TECHNIQUES


def write_set(root: Path, name: str, count: int, size=(64, 80), seed: int = 0, authentic_every: int = 4) -> str:
    """Writes ``count`` images and returns the path of ``<root>/annotations/<name>.json``.

    Every ``authentic_every``-th image is authentic; every third is portrait; techniques take turns.
    """
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for folder in ("images", "masks"):
        (root / folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        height, width = size if index % 3 else size[::-1]
        pixels = rng.normal(128, 4, (height, width, 3))
        technique = TECHNIQUES[index % 3]
        authentic = index % authentic_every == 0
        file_name, mask_file = f"images/{name}/{index}.png", None
        if not authentic:
            mask = np.zeros((height, width), dtype=bool)
            y, x = rng.integers(0, height // 2), rng.integers(0, width // 2)
            mask[y : y + height // 2, x : x + width // 2] = True
            pixels[mask] += rng.normal(0, 25, (mask.sum(), 3))
            mask_file = f"masks/{name}/{index}.png"
            Image.fromarray(mask.astype(np.uint8) * 255).save(root / mask_file)
            for annotation in annotate({technique: mask}):
                annotations.append({**annotation, "id": len(annotations) + 1, "image_id": index + 1})
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / file_name)
        images.append(
            {
                "id": index + 1, "file_name": file_name, "height": height, "width": width, "authentic": authentic,
                "technique": AUTHENTIC if authentic else technique, "mask_file": mask_file, "group": str(index),
            }
        )  # fmt: skip
    path = root / "annotations" / f"{name}.json"
    annotation_format.write(path, images, annotations, classes=TECHNIQUES)
    return str(path)
