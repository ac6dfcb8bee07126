"""Objects that people outlined: COCO instance annotations as regions to forge."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..matching.difference import fill_holes
from ..utils.errors import UserError
from .camera import View
from .masks import largest_part

#: Of an object that a view cuts, this share must be in it.
VISIBLE = 0.6


#: A photo to take regions from: its number, H x W x 3 uint8 RGB, and the masks of its objects, H x W bool each.
Donor = tuple[int, np.ndarray, Sequence[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Object:
    """An annotated object: its mask, H x W bool on the photo's grid, and its category's name."""

    mask: np.ndarray
    category: str


class ObjectAnnotations:
    """COCO instances by photo; masks are decoded when they are asked for.

    Photos are found by ``file_name``, as a path in their folder or by its last part alone where that is unique.
    Crowds (``iscrowd`` 1) outline no single object and are passed over.

    Attributes:
        names: file names that the files have entries for.
        fingerprint: hash of the files.
    """

    def __init__(self, *json_files: Path):
        """
        Args:
            json_files: COCO's instance form: polygons, compressed or uncompressed RLE. Of two entries of one
                ``file_name`` the later file's counts.

        Raises:
            UserError: no such file, not JSON, or not of that form.
        """
        self._by_name: dict[str, tuple[dict, list, str]] = {}
        digest = hashlib.sha256()
        for json_file in map(Path, json_files):
            data, by_name = _read(json_file)
            digest.update(data)
            self._by_name.update(by_name)
        self.fingerprint = digest.hexdigest()
        self.names = list(self._by_name)
        last: dict[str, list[str]] = {}
        for name in self.names:
            last.setdefault(PurePosixPath(name).name, []).append(name)
        self._last = {short: names[0] for short, names in last.items() if len(names) == 1}

    def name_of(self, photo: str) -> str | None:
        """The annotations' name of a photo, or None where it has no entry."""
        return photo if photo in self._by_name else self._last.get(PurePosixPath(photo).name)

    def missing(self, photos: Sequence[str]) -> list[str]:
        """One line for every annotated name that is none of the photos."""
        names = {self.name_of(photo) for photo in photos}
        return [f"{name}: annotated in {self._by_name[name][2]}, but no usable photo" for name in self.names
                if name not in names]  # fmt: skip

    def kind(self, photo: str) -> str:
        """Category of the photo's first object; "" without one."""
        name = self.name_of(photo)
        rows = self._by_name[name][1] if name else []
        return rows[0][1] if rows else ""

    def number(self, photo: str) -> int | None:
        """COCO's id of the photo, or None where it has no entry or one that is no number."""
        name = self.name_of(photo)
        number = self._by_name[name][0]["id"] if name else None
        return number if isinstance(number, int) else None

    def objects(self, photo: str, size: tuple[int, int]) -> tuple[list[Object], list[str]]:
        """The objects of a photo.

        Args:
            photo: its name.
            size: (height, width) of its pixels, upright.

        Returns:
            Objects with at least one pixel, in the file's order, and one line for each that cannot be used.
        """
        name = self.name_of(photo)
        if name is None:
            return [], []
        entry, rows, file = self._by_name[name]
        annotated_size = (entry.get("height", size[0]), entry.get("width", size[1]))
        if annotated_size != tuple(size):
            return [], [f"{photo}: is {size[1]}x{size[0]}, {file} says {annotated_size[1]}x{annotated_size[0]}: "
                        "its objects are not used"]  # fmt: skip
        outlined, problems = [], []
        for number, category, segmentation in rows:
            try:
                mask = decode(segmentation, size)
            except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
                problems.append(f"{photo}: annotation {number} of {file}: {error}: not used")
                continue
            if mask.any():
                outlined.append(Object(mask, category))
            else:
                problems.append(f"{photo}: annotation {number} of {file}: empty: not used")
        return outlined, problems


def _read(json_file: Path) -> tuple[bytes, dict[str, tuple[dict, list, str]]]:
    """A file's bytes, and by ``file_name`` the image's entry, its annotations and the file's name."""
    try:
        data = json_file.read_bytes()
        content = json.loads(data)
    except FileNotFoundError:
        raise UserError(f"{json_file}: no such file of annotations; check --annotations") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{json_file}: cannot be read as JSON ({error}); give COCO instances") from None
    try:
        categories = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
        images = {entry["id"]: entry for entry in content["images"]}
        by_name: dict[str, tuple[dict, list[tuple], str]] = {
            str(entry["file_name"]): (entry, [], json_file.name) for entry in images.values()
        }
        for row in content["annotations"]:
            image = images.get(row["image_id"])
            if image is not None and not row.get("iscrowd"):
                record = (row.get("id"), categories.get(row.get("category_id"), "object"), row.get("segmentation"))
                by_name[str(image["file_name"])][1].append(record)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{json_file}: no COCO instances ({type(error).__name__}: {error}); it needs images, annotations "
            "and categories"
        ) from None
    return data, by_name


def decode(segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """A COCO segmentation as H x W bool.

    Args:
        segmentation: list of polygons [x1, y1, x2, y2, ...] in pixels, or an RLE dict with ``size`` and
            ``counts`` (str, or a list of run lengths).
        size: (H, W) of the photo.

    Raises:
        ValueError: any other form, or RLE of another size.
    """
    height, width = size
    if isinstance(segmentation, dict):
        if list(segmentation.get("size", ())) != [height, width]:
            raise ValueError(f"mask of size {segmentation.get('size')} on a photo of {[height, width]}")
        counts = segmentation.get("counts")
        if isinstance(counts, list):
            # The C code trusts its input: runs beyond the image would be written past the end of the array.
            if sum(counts) != height * width or min(counts, default=0) < 0:
                raise ValueError("runs that do not fill the photo")
            flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
            return flat.reshape(width, height).T
        if not isinstance(counts, (str, bytes)):
            raise ValueError("no segmentation")
        runs = counts.encode() if isinstance(counts, str) else counts
        _check_counts(runs, height * width)
        return coco_mask.decode({"size": [height, width], "counts": runs}).astype(bool)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("no segmentation")
    polygons = []
    for polygon in segmentation:
        points = np.asarray(polygon, float)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2 or not np.isfinite(points).all():
            raise ValueError("no polygon of three points or more")
        polygons.append(np.clip(points, -1, max(size) + 1).tolist())
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))).astype(bool)


def _check_counts(counts: bytes, pixels: int) -> None:
    """Raises ValueError unless compressed runs fill the image: the decoder in C would not notice."""
    runs: list[int] = []
    value, shift = 0, 0
    for byte in counts:
        byte -= 48
        if not 0 <= byte < 64:
            raise ValueError("damaged run lengths")
        value |= (byte & 31) << shift
        shift += 5
        if not byte & 32:
            if byte & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            if runs[-1] < 0:
                raise ValueError("damaged run lengths")
            value, shift = 0, 0
    if shift or sum(runs) != pixels:
        raise ValueError("runs that do not fill the photo")


def in_view(masks: Sequence[np.ndarray], view: View, size: tuple[int, int]) -> list[np.ndarray]:
    """Object masks as a view shows them.

    Args:
        masks: H x W bool each, on the photo's grid.
        view: of the photo.
        size: (height, width) of the result, pixels.

    Returns:
        height x width bool each, the largest connected part with its holes filled; those of which the view
        shows too little are left out.
    """
    visible = []
    for mask in masks:
        part = view.cut(mask)
        if part.sum() < VISIBLE * mask.sum():
            continue
        if part.shape != tuple(size):
            part = cv2.resize(part.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
        resized = fill_holes(largest_part(part))
        if resized.any():
            visible.append(resized)
    return visible
