"""Images of what a data set says: overlays of its masks and boxes, and contact sheets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..data import annotation_format
from ..data.lookup import dataset_dicts
from ..data.techniques import COLOURS, TAMPERED
from ..images.reading import read_image, read_mask
from ..utils.errors import UserError
from ..utils.files import write_png_atomic
from ..utils.output_folder import output_folder
from .overlay import caption, text_scale

#: Opacity of a region's colour over the image.
OPACITY = 0.45
#: Manipulated pixels that are in no instance (small regions), BGR.
SMALL_REGION_COLOUR = (0, 255, 255)
#: Sides of a contact sheet's cells in pixels, captions apart, and the gap between cells.
CELL, GAP = 240, 6


def load(name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Dataset dicts and class names of a prepared split (path of its JSON file) or a registered name."""
    if name.endswith(".json") or Path(name).is_file():
        return dataset_dicts(name), [row["name"] for row in annotation_format.read_json(name)["categories"]]
    entries = dataset_dicts(name)
    from detectron2.data import MetadataCatalog

    return entries, list(MetadataCatalog.get(name).thing_classes)


def overlay(entry: Mapping[str, Any], classes: Sequence[str]) -> np.ndarray:
    """What the data set says about an image, drawn over it and written below.

    Each instance is tinted and outlined in its technique's colour, with its box; small regions, in the complete mask
    but in no instance, are yellow. A caption names file, technique, size, number of regions and share of the image.

    Args:
        entry: dataset dict.
        classes: names by category id.

    Returns:
        (H + caption, W, 3) uint8 BGR.

    Raises:
        UserError: unreadable image or mask, or of another size than the annotations say.
    """
    canvas, manipulated = _drawn(entry, classes)
    regions = len(entry["annotations"])
    details = "" if entry["authentic"] else f", {regions} region{'s' if regions != 1 else ''}"
    if manipulated is not None:
        details += f", {manipulated:.1%}"
    text = f"{Path(entry['file_name']).name}: {entry['technique']}{details}, {entry['width']}x{entry['height']}"
    return np.concatenate([canvas, caption(text, canvas.shape[1], text_scale(canvas.shape))])


def colour_of(technique: str) -> tuple[int, int, int]:
    """BGR colour of a technique."""
    red, green, blue = COLOURS.get(technique, COLOURS[TAMPERED])
    return blue, green, red


def contact_sheet(entries: Sequence[Mapping[str, Any]], classes: Sequence[str], columns: int = 5) -> np.ndarray:
    """Overlays in rows of ``columns`` cells, each fitted into a square, named below, with a legend on top.

    Args:
        entries: dataset dicts, at least one. Only one full-size image is in memory at a time.
        classes: names by category id.
        columns: cells per row.

    Returns:
        (h, w, 3) uint8 BGR.
    """
    cells = [_cell(_drawn(entry, classes)[0], Path(entry["file_name"]).name, entry["technique"]) for entry in entries]
    columns = min(columns, len(cells))
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = []
    for start in range(0, len(cells), columns):
        rows.append(np.concatenate(cells[start : start + columns], axis=1))
    return np.concatenate([_legend(classes, rows[0].shape[1]), *rows])


def choose(entries: Sequence[dict], count: int, seed: int) -> list[dict]:
    """``count`` entries, drawn evenly from techniques (authentic included) by a seed, in the order of the set."""
    rng = np.random.default_rng(seed)
    by_technique: dict[str, list[int]] = {}
    for index in rng.permutation(len(entries)).tolist():
        by_technique.setdefault(entries[index]["technique"], []).append(index)
    order = [
        index for turn in range(len(entries)) for indices in by_technique.values() for index in indices[turn : turn + 1]
    ]
    return [entries[index] for index in sorted(order[:count])]


def save_images(
    entries: Sequence[Mapping[str, Any]], classes: Sequence[str], sheet: Path | None, folder: Path | None, columns: int
) -> list[Path]:
    """Writes the contact sheet and, into ``folder``, one PNG per entry; returns the files."""
    files = []
    if sheet:
        write_png_atomic(sheet, contact_sheet(entries, classes, columns))
        files.append(sheet)
    if folder:
        with output_folder(folder, "--overlays"):
            files += _save_overlays(entries, classes, folder)
    return files


def _save_overlays(entries: Sequence[Mapping[str, Any]], classes: Sequence[str], folder: Path) -> list[Path]:
    files = []
    for entry in entries:
        file = folder / f"{entry['image_id']:06}_{Path(entry['file_name']).stem}.png"
        write_png_atomic(file, overlay(entry, classes))
        files.append(file)
    return files


def _drawn(entry: Mapping[str, Any], classes: Sequence[str]) -> tuple[np.ndarray, float | None]:
    """(image with regions, boxes and small regions; manipulated share of its pixels, None without a mask)."""
    image = read_image(entry["file_name"])
    size = (entry["height"], entry["width"])
    if image.shape[:2] != size:
        raise UserError(
            f"{entry['file_name']}: {image.shape[1]}x{image.shape[0]}, its annotations say {size[1]}x{size[0]}; "
            "prepare the data set again"
        )
    complete = read_mask(entry["mask_file_name"], size) if entry["mask_file_name"] else np.zeros(size, bool)
    scale = text_scale(image.shape)
    line = max(1, round(2 * scale))
    canvas, small_regions = image.copy(), complete.copy()
    for annotation in entry["annotations"]:
        colour = colour_of(classes[annotation["category_id"]])
        if "segmentation" in annotation:
            region = coco_mask.decode(annotation["segmentation"])
            small_regions &= region == 0
            inside = region.astype(bool)
            canvas[inside] = np.rint(canvas[inside] * (1 - OPACITY) + np.array(colour) * OPACITY)
            contours, _ = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, contours, -1, colour, line)
        x, y, width, height = (round(value) for value in annotation["bbox"])
        cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), colour, line)
    canvas[small_regions] = SMALL_REGION_COLOUR
    return canvas, float(complete.mean()) if entry["mask_file_name"] else None


def _cell(image: np.ndarray, name: str, technique: str) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(CELL / height, CELL / width)
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small = cv2.resize(image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=smaller)
    cell = np.full((CELL, CELL, 3), 24, np.uint8)
    top, left = (CELL - small.shape[0]) // 2, (CELL - small.shape[1]) // 2
    cell[top : top + small.shape[0], left : left + small.shape[1]] = small
    # A caption's height depends on its letters; cells are alike.
    text = [cv2.resize(caption(line, CELL, 0.42), (CELL, 22)) for line in (_short(name), technique)]
    return cv2.copyMakeBorder(np.concatenate([cell, *text]), 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3)


def _short(name: str, letters: int = 28) -> str:
    half = letters // 2 - 1
    return name if len(name) <= letters else f"{name[:half]}..{name[-half:]}"


def _legend(classes: Sequence[str], width: int) -> np.ndarray:
    strip = np.full((28, max(width, 1), 3), 255, np.uint8)
    left = 6
    for name, colour in [
        *((name, colour_of(name)) for name in classes),
        ("small region, no instance", SMALL_REGION_COLOUR),
    ]:
        cv2.rectangle(strip, (left, 7), (left + 14, 21), colour, -1)
        cv2.putText(strip, name, (left + 20, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        left += 40 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)[0][0]
    return strip
