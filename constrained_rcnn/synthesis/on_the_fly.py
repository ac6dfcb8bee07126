"""Forgeries made while a model trains: no two passes see the same one, and a resumed run sees the same ones."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.annotation import annotate
from ..data.annotation_format import XYWH_ABS
from ..data.techniques import AUTHENTIC, TECHNIQUES
from ..utils.errors import UserError
from .generate import synthesize
from .objects import ObjectAnnotations
from .photos import Photo, find_photos, read_photo
from .presets import Preset, get_preset

logger = logging.getLogger(__name__)

#: Sets this stream of random numbers apart from the mapper's, which is seeded by (seed, draw) alone.
_STREAM = 4_711


@dataclasses.dataclass(frozen=True)
class ForgeryMaker:
    """Makes the sample of a draw: a forgery or an authentic counterpart, with its annotations.

    Attributes:
        photos: at least two for splices; (name, H x W x 3 uint8 RGB or a file).
        preset, techniques, size: as ``synthesis.synthesize`` takes them.
        authentic: share of draws that give the authentic counterpart instead of the forgery, in [0, 1].
        seed: 0 or more.
        annotations: outlined objects of the photos, or None.
    """

    photos: Sequence[Photo]
    preset: Preset
    techniques: tuple[str, ...] = TECHNIQUES
    size: tuple[int, int] = (256, 320)
    authentic: float = 0.5
    seed: int = 0
    annotations: ObjectAnnotations | None = None

    @classmethod
    def from_config(cls, cfg: Any) -> ForgeryMaker | None:
        """The maker that ``DATASETS.SYNTHESIS`` asks for, or None.

        Raises:
            UserError: no folder or no usable photo, or a key's value that cannot be used.
        """
        keys = cfg.DATASETS.SYNTHESIS
        if not keys.PHOTOS:
            return None
        size, techniques = tuple(keys.SIZE), tuple(keys.TECHNIQUES)
        for holds, name, remedy in (
            (keys.COUNT >= 1, "COUNT", "1 or more"),
            (len(size) == 2 and min(size) >= 64, "SIZE", "(height, width) of 64 pixels or more"),
            (0 <= keys.AUTHENTIC <= 1, "AUTHENTIC", "a share in [0, 1]"),
            (techniques and set(techniques) <= set(TECHNIQUES), "TECHNIQUES", f"some of {TECHNIQUES}"),
        ):
            if not holds:
                raise UserError(f"config: DATASETS.SYNTHESIS.{name} is {keys[name]}; set it to {remedy}")
        preset = get_preset(keys.PRESET)
        if preset.recipe == "rgbn" and techniques != ("splice",):
            raise UserError(f"config: preset {preset.name} needs DATASETS.SYNTHESIS.TECHNIQUES \"('splice',)\"")
        photos, skipped = find_photos(Path(keys.PHOTOS).expanduser(), size)
        for line in skipped:
            logger.warning("left out: %s", line)
        if "splice" in techniques and len(photos) < 2:
            raise UserError(f"{keys.PHOTOS}: a splice needs at least two photos; DATASETS.SYNTHESIS.PHOTOS has one")
        annotations = ObjectAnnotations(Path(keys.ANNOTATIONS).expanduser()) if keys.ANNOTATIONS else None
        return cls(photos, preset, techniques, size, float(keys.AUTHENTIC), max(cfg.SEED, 0), annotations)

    def placeholders(self, count: int) -> list[dict]:
        """``count`` dicts that stand for forgeries in a list of dataset dicts; ``make`` fills them."""
        height, width = self.size
        return [{"on_the_fly": index, "height": height, "width": width} for index in range(count)]

    def make(self, index: int, draw: int) -> dict:
        """The sample of a draw; the same for the same (seed, index, draw) in any process.

        Args:
            index: of the placeholder; it decides the background, so that a pass goes through all photos.
            draw: position in the endless stream of training images.

        Returns:
            A dataset dict like the catalog's whose image and mask are in memory: ``pixels``, H x W x 3 uint8
            RGB as read from the final file, and ``complete_mask``, H x W bool, instead of the two file names.

        Raises:
            UserError: three photos in a row cannot be read.
        """
        rng = np.random.default_rng([self.seed, _STREAM, draw])
        technique = self.techniques[rng.integers(len(self.techniques))]
        names = [index % len(self.photos)]
        if technique == "splice":
            names.append((names[0] + int(rng.integers(1, len(self.photos)))) % len(self.photos))
        indexed_photos = [self._read(name) for name in names]
        pixels, objects = (
            [image for _, image in indexed_photos],
            [self._objects(self.photos[i][0], image) for i, image in indexed_photos],
        )
        forgery = synthesize(pixels, rng, self.preset, [technique], self.size, objects)
        authentic = bool(rng.random() < self.authentic)
        annotations = []
        for name, mask in [] if authentic else forgery.regions:
            for region in annotate({name: mask}):
                region["category_id"] = TECHNIQUES.index(region.pop("category"))
                annotations.append({**region, "bbox": [float(v) for v in region["bbox"]], "bbox_mode": XYWH_ABS})
        return {
            "file_name": f"forgery {draw} of {self.photos[indexed_photos[0][0]][0]}",
            "image_id": draw + 1,
            "height": forgery.mask.shape[0],
            "width": forgery.mask.shape[1],
            "pixels": forgery.authentic if authentic else forgery.image,
            "complete_mask": np.zeros_like(forgery.mask) if authentic else forgery.mask,
            "annotations": annotations,
            "authentic": authentic,
            "technique": AUTHENTIC if authentic else forgery.technique,
            "group": self.photos[indexed_photos[0][0]][0],
        }

    def _read(self, index: int) -> tuple[int, np.ndarray]:
        """A photo, or the next one that can be read, and its index."""
        for step in range(3):
            other = (index + step) % len(self.photos)
            try:
                return other, read_photo(self.photos[other])
            except UserError as error:
                logger.warning("left out: %s", error)
                last = error
        raise last

    def _objects(self, name: str, image: np.ndarray) -> list[np.ndarray]:
        if self.annotations is None:
            return []
        return [outlined.mask for outlined in self.annotations.objects(name, image.shape[:2])[0]]


class ForgingMapper:
    """A mapper in front of the mapper: placeholders become forgeries, everything else passes."""

    def __init__(self, mapper: Callable[[dict], dict], maker: ForgeryMaker):
        self.mapper = mapper
        self.maker = maker

    def __call__(self, dataset_dict: dict) -> dict:
        """
        Args:
            dataset_dict: with ``draw``, as the training loader hands it out.
        """
        if "on_the_fly" in dataset_dict:
            forgery = self.maker.make(dataset_dict["on_the_fly"], dataset_dict["draw"])
            dataset_dict = {**forgery, "draw": dataset_dict["draw"]}
        return self.mapper(dataset_dict)
