"""What the report shows of an image: it, its ground truth, its map and its boxes, as far as the files are there."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...images.reading import read_image, read_mask
from ...utils.errors import UserError
from ...visualization.overlay import LabelledBox, heat, overlay
from ..map_files import find_maps, map_names, read_map
from ..metrics.pixel import FIXED_THRESHOLD
from .files import read_json

#: Longest side of an image in the page, pixels.
SIDE = 300
#: Boxes below this score are not drawn.
BOX_SCORE = FIXED_THRESHOLD


@dataclass(frozen=True)
class Panel:
    """Attributes: title: what is shown. of: name of the image's file. source: a data URI."""

    title: str
    of: str
    source: str


class ReportImages:
    """Panels of an image, as far as its files are there."""

    def __init__(self, folder: Path, dataset_dicts: Sequence[Mapping], maps: str | os.PathLike | None = None):
        """
        Args:
            folder, dataset_dicts, maps: see :func:`.page.write_page`.
        """
        self._items = {item["image_id"]: item for item in dataset_dicts}
        self._names = map_names(dataset_dicts)
        self._folder = folder
        self._maps = {} if maps is None else find_maps(maps, dataset_dicts)
        self._boxes: dict[Any, list] = {}
        results, truth = folder / "coco_instances_results.json", folder / "coco_ground_truth.json"
        if results.is_file() and truth.is_file():
            names = {category["id"]: category["name"] for category in read_json(truth)["categories"]}
            for result in read_json(results):
                self._boxes.setdefault(result["image_id"], []).append((names.get(result["category_id"], "?"), result))

    def name(self, record: Mapping) -> str:
        """The image's path below the folder that all share: no one's directories in a page that is passed on."""
        return self._names.get(record["image_id"], os.path.basename(record["file_name"]))

    def panels(self, record: Mapping) -> list[Panel]:
        """The image, its ground truth (of a manipulated one), its map, and boxes over the map.

        Raises:
            UserError: the image cannot be read; the message names no folder.
        """
        item = self._items.get(record["image_id"], {"file_name": record["file_name"]})
        try:
            image = read_image(item["file_name"], "BGR")
        except UserError as error:
            raise UserError(str(error).replace(str(item["file_name"]), self.name(record))) from None
        scale = min(1.0, SIDE / max(image.shape[:2]))
        size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        shown = [("image", image)]
        if item.get("mask_file_name"):
            try:
                mask = read_mask(item["mask_file_name"]).astype(np.uint8) * 255
                shown.append(("ground truth", cv2.resize(mask, size, interpolation=cv2.INTER_AREA)))
            except UserError:
                pass
        score_map = self._map(record["image_id"])
        if score_map is not None:
            score_map = cv2.resize(score_map, size, interpolation=cv2.INTER_AREA)
            overlay_title = "boxes over the map" if self._boxes else "map over the image"
            shown += [("map", heat(score_map)), (overlay_title, self._overlay(record, image, score_map, scale))]
        name = os.path.basename(record["file_name"])
        return [Panel(title, name, _data_uri(pixels)) for title, pixels in shown]

    def _map(self, image_id: Any) -> np.ndarray | None:
        """(H, W) float32 in [0, 1], or None."""
        name = self._names.get(image_id, "")
        places = [self._folder / "maps" / f"{name}.npz", self._folder / "previews" / f"{name}.png"]
        for path in [self._maps[image_id]] if image_id in self._maps else places:
            if path.is_file():
                try:
                    array = read_map(path).score_map
                except UserError:
                    continue
                return array.astype(np.float32) / (np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1)
        return None

    def _overlay(self, record: Mapping, image: np.ndarray, score_map: np.ndarray, scale: float) -> np.ndarray:
        boxes = []
        for technique, result in self._boxes.get(record["image_id"], ()):
            x, y, width, height = (value * scale for value in result["bbox"])
            boxes.append(LabelledBox(technique, result["score"], (x, y, x + width, y + height)))
        boxes.sort(key=lambda box: -box.score)
        score = 0.0 if record["score"] is None else record["score"]
        return overlay(image, score_map, boxes, BOX_SCORE, line=f"score {score:.2f}, boxes above {BOX_SCORE:.2f}")


def _data_uri(pixels: np.ndarray) -> str:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
