"""One forgery from photos, through the last steps that its authentic counterpart shares."""

from __future__ import annotations

import dataclasses
import functools
import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from ...errors import UserError
from ..techniques import MIXED, TECHNIQUES
from .camera import draw_history, photograph
from .compositing import grain_level
from .copy_move import copy_move
from .presets import DEFAULT_PRESET, Preset, get_preset, log_uniform
from .regions import Segments
from .removal import removal
from .splice import splice

DEFAULT_SIZE = (256, 320)
#: The whole forged area as a share of the image; a draw outside of it is repeated.
SMALLEST, LARGEST = 0.02, 0.25


@dataclasses.dataclass
class Forgery:
    """A manipulated image beside its authentic counterpart.

    Attributes:
        before: H x W x 3 uint8 RGB, the forgery before the last steps.
        authentic_before: H x W x 3 uint8 RGB, the photo it was made of; the two differ inside of the mask
            only.
        mask: H x W bool, the complete ground truth.
        regions: (technique, H x W bool) of each forged region; disjoint, and their union is the mask.
        quality: of the final JPEG; None: the final file is a PNG.
        dense: the JPEG keeps the full chroma resolution.
        description: how it was made, plain JSON values.
    """

    before: np.ndarray
    authentic_before: np.ndarray
    mask: np.ndarray
    regions: list[tuple[str, np.ndarray]]
    quality: int | None
    dense: bool
    description: dict

    @property
    def suffix(self) -> str:
        """``.png`` or ``.jpg``, the same for the forgery and its counterpart."""
        return ".png" if self.quality is None else ".jpg"

    @functools.cached_property
    def file(self) -> bytes:
        """The final file of the forgery."""
        return encode(self.before, self.quality, self.dense)

    @functools.cached_property
    def authentic_file(self) -> bytes:
        """The final file of the authentic counterpart, by the same last steps."""
        return encode(self.authentic_before, self.quality, self.dense)

    @property
    def image(self) -> np.ndarray:
        """H x W x 3 uint8 RGB as a reader of the final file sees the forgery."""
        return decode(self.file)

    @property
    def authentic(self) -> np.ndarray:
        """H x W x 3 uint8 RGB, the same photo without the forgery, through the same last steps."""
        return decode(self.authentic_file)

    @property
    def technique(self) -> str:
        """The one technique of all regions, or "mixed"."""
        names = {name for name, _ in self.regions}
        return names.pop() if len(names) == 1 else MIXED


def synthesize(
    photos: Sequence[np.ndarray],
    rng: np.random.Generator,
    preset: str | Preset = DEFAULT_PRESET,
    techniques: Sequence[str] = TECHNIQUES,
    size: tuple[int, int] = DEFAULT_SIZE,
) -> Forgery:
    """Makes one forgery.

    Args:
        photos: the first is the background, the others are donors; each H x W x 3 uint8 RGB of any size. A
            splice needs at least two.
        rng: the only source of randomness.
        preset: a preset or its name.
        techniques: those to choose from, evenly.
        size: (height, width) of the result, pixels.

    Returns:
        The forgery.

    Raises:
        UserError: an unknown technique, or a splice without a donor, or no forgery fitted after many draws.
    """
    preset = get_preset(preset)
    techniques = list(techniques)
    for name in techniques:
        if name not in TECHNIQUES:
            raise UserError(f"unknown technique {name!r}: choose from {', '.join(TECHNIQUES)}")
    if "splice" in techniques and len(photos) < 2:
        raise UserError("a splice needs at least two photos: add photos or leave the technique out")
    technique = techniques[rng.integers(len(techniques))]
    history = draw_history(preset, rng)
    authentic = photograph(photos[0], size, history, rng)
    segments, grain = Segments(authentic), grain_level(authentic)
    for _ in range(30):
        made = _forge(segments, photos[1:], technique, grain, preset, rng)
        if made is not None:
            break
    else:
        raise UserError(f"no {technique} fitted an image of {size[0]} x {size[1]}: use a larger size")
    image, regions, steps = made
    quality = int(rng.integers(preset.final_jpeg[0], preset.final_jpeg[1] + 1))
    quality = None if rng.random() < preset.lossless else quality
    dense = bool(rng.random() < 0.5)
    return Forgery(
        before=image,
        authentic_before=authentic,
        mask=np.any([mask for _, mask in regions], axis=0),
        regions=regions,
        quality=quality,
        dense=dense,
        description={
            "preset": preset.name,
            "history": dataclasses.asdict(history),
            "quality": quality,
            "steps": steps,
        },
    )


def _forge(segments, donors, technique, grain, preset, rng):
    """One draw of all regions: (image, regions, steps), or None where they did not fit."""
    authentic = segments.image
    total = log_uniform(rng, preset.area) * authentic.shape[0] * authentic.shape[1]
    count = 1 + int(rng.choice(len(preset.regions), p=preset.regions))
    shares = rng.uniform(0.6, 1.4, count)
    shares /= shares.sum()
    image, regions, steps = authentic, [], []
    taken = np.zeros(authentic.shape[:2], bool)
    for share in shares:
        area = float(share * total)
        extra = {}
        if technique == "splice":
            history = draw_history(preset, rng, donor=True)
            donor = photograph(donors[rng.integers(len(donors))], authentic.shape[:2], history, rng)
            made = splice(image, donor, area, grain, preset, rng, taken)
            extra = {"donor_history": dataclasses.asdict(history)}
        elif technique == "copy-move":
            made = copy_move(image, segments, area, grain, preset, rng, taken)
        else:
            made = removal(image, segments, area, grain, preset, rng, taken)
        if made is None:
            return None
        image, mask, step = made
        regions.append((technique, mask))
        source = step.pop("source", None)
        if source is not None:
            taken |= source  # a later region must not wipe the source out
            extra["source_box"] = [int(v) for v in cv2.boundingRect(source.astype(np.uint8))]
        steps.append({"technique": technique, **step, **extra})
        # A gap, so that regions stay apart as connected parts.
        taken |= cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    covered = sum(mask.mean() for _, mask in regions)
    return (image, regions, steps) if SMALLEST <= covered <= LARGEST else None


def encode(image: np.ndarray, quality: int | None, dense: bool) -> bytes:
    """The final file: PNG where ``quality`` is None, else JPEG, if ``dense`` at full chroma resolution
    (4:4:4).

    Args:
        image: H x W x 3 uint8 RGB.
    """
    if quality is None:
        data = cv2.imencode(".png", image[:, :, ::-1])[1]
    else:
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if dense else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        data = cv2.imencode(".jpg", image[:, :, ::-1], flags)[1]
    return data.tobytes()


def decode(file: bytes) -> np.ndarray:
    """An encoded image as H x W x 3 uint8 RGB."""
    return np.array(Image.open(io.BytesIO(file)).convert("RGB"))
