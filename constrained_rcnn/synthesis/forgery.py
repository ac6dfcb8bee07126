"""What the generator makes: a forgery, its ground truth, and its authentic counterpart as they are stored."""

from __future__ import annotations

import dataclasses
import functools
import io

import cv2
import numpy as np
from PIL import Image, ImageFilter

from ..data.techniques import MIXED


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
        description: how it was made, plain JSON values; a step's ``donor`` is an index into the photos.
        first_quality: of a JPEG before the final file, as of a forgery that was saved, sent and saved again; None:
            none.
        blur: radius in pixels of a Gaussian over the whole image before it is stored; 0: none.
    """

    before: np.ndarray
    authentic_before: np.ndarray
    mask: np.ndarray
    regions: list[tuple[str, np.ndarray]]
    quality: int | None
    dense: bool
    description: dict
    first_quality: int | None = None
    blur: float = 0.0

    @property
    def suffix(self) -> str:
        """``.png`` or ``.jpg``, the same for the forgery and its counterpart."""
        return ".png" if self.quality is None else ".jpg"

    @functools.cached_property
    def file(self) -> bytes:
        """The final file of the forgery."""
        return self._stored(self.before)

    @functools.cached_property
    def authentic_file(self) -> bytes:
        """The final file of the authentic counterpart, by the same last steps."""
        return self._stored(self.authentic_before)

    def _stored(self, image: np.ndarray) -> bytes:
        if self.first_quality is not None:
            image = decode(encode(image, self.first_quality, self.dense))
        return encode(image, self.quality, self.dense, self.blur)

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


def encode(image: np.ndarray, quality: int | None, dense: bool, blur: float = 0.0) -> bytes:
    """The final file, after a Gaussian of radius ``blur``: PNG where ``quality`` is None, else JPEG, at full
    chroma resolution (4:4:4) if ``dense``.

    Args:
        image: H x W x 3 uint8 RGB.
    """
    if blur:
        image = np.array(Image.fromarray(image).filter(ImageFilter.GaussianBlur(blur)))
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
