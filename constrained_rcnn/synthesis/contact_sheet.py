"""Contact sheets: forgery, outlined forgery and counterpart of a few images per technique, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..data import annotation_format
from ..data.techniques import COLOURS
from ..images.reading import read_image, read_mask
from ..utils.files import write_jpeg_atomic

#: Height of one image on a sheet, pixels.
_HEIGHT = 240
_GAP = 6


def contact_sheets(json_files: Sequence[Path], output: Path, count: int = 12, columns: int = 3) -> list[Path]:
    """Draws one sheet per technique.

    Args:
        json_files: sets that ``write_forgeries`` made.
        output: ``sheet.jpg`` gives ``sheet_splice.jpg`` and so on.
        count: forgeries on a sheet, evenly from the set.
        columns: of pairs (forgery, forgery with its regions outlined).

    Returns:
        The files written.
    """
    by_technique: dict[str, list[dict]] = {}
    for json_file in json_files:
        for row in annotation_format.load(json_file):
            if not row["authentic"]:
                by_technique.setdefault(row["technique"], []).append(row)
    paths = []
    for technique, rows in sorted(by_technique.items()):
        sample = [rows[int(i)] for i in np.linspace(0, len(rows) - 1, min(count, len(rows)))]
        sheet = _grid([_pair(row, COLOURS.get(technique, (213, 94, 0))) for row in sample], columns)
        path = output.with_name(f"{output.stem}_{technique}.jpg")
        write_jpeg_atomic(path, sheet, 92)
        paths.append(path)
    return paths


def _pair(row: dict, colour: tuple[int, int, int]) -> np.ndarray:
    """A forgery beside itself with its regions outlined: ``_HEIGHT`` x w x 3 uint8 BGR."""
    image = read_image(row["file_name"], "BGR")
    mask = read_mask(row["mask_file_name"]).astype(np.uint8)
    outlined = image.copy()
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(2 * image.shape[0] / _HEIGHT))
    cv2.drawContours(outlined, outlines, -1, colour[::-1], thickness)
    pair = np.concatenate([image, outlined], 1)
    width = max(1, round(pair.shape[1] * _HEIGHT / pair.shape[0]))
    return cv2.resize(pair, (width, _HEIGHT), interpolation=cv2.INTER_AREA)


def _grid(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    width = max(tile.shape[1] for tile in tiles) + _GAP
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (_HEIGHT + _GAP), min(columns, len(tiles)) * width, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (_HEIGHT + _GAP), index % columns * width
        sheet[top : top + _HEIGHT, left : left + tile.shape[1]] = tile
    return sheet
