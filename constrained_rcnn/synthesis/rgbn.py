"""The recipe of RGB-N's synthetic set (Zhou et al., CVPR 2018): one object of a COCO photo on another photo.

What its published script does: the donor is resized as a whole to the background's size, so that the object
comes to stand where it stood, stretched with it; no colour, noise or edge is matched; two results of three are
blurred as a whole. Two things differ here. The script's file names hold the box in the donor's own pixels; here
every box is the pasted object's. And the authentic counterpart is blurred where the forgery is, or blur alone
would tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..utils.errors import UserError
from .forgery import Forgery
from .masks import to_uint8
from .presets import Preset
from .regions import Segments, draw_region

SPLICE = "splice"
#: Share of blurred images, and the radius of the blur in pixels.
BLURRED, RADIUS = 2 / 3, 1.5
#: Opacity (0..255) below which a pixel of the resized object is left out: ringing of the Lanczos filter.
_FAINT = 16


def splice_whole(
    photos: Sequence[np.ndarray],
    rng: np.random.Generator,
    preset: Preset,
    techniques: Sequence[str],
    objects: Sequence[Sequence[np.ndarray]] | None,
) -> Forgery:
    """Pastes one object of a donor.

    Args:
        photos: background and donors, each H x W x 3 uint8 RGB; the result has the background's size.
        preset: ``area`` bounds the object as a share of the image.
        techniques: must hold "splice"; the recipe knows no other.
        objects: of each photo, H x W bool masks; a donor without any gives a segment of its own.

    Returns:
        The forgery; its description's ``donor`` and ``object`` are indices into ``photos`` and ``objects``.

    Raises:
        UserError: splice is not among the techniques, or no donor has an object of a usable size.
    """
    if SPLICE not in techniques:
        raise UserError(f"preset {preset.name} makes splices only: ask for --technique splice")
    background, objects = photos[0], objects or ()
    pairs = [(i, k) for i in range(1, len(objects)) for k in range(len(objects[i]))]
    pairs = [(i, k) for i, k in pairs if preset.area[0] <= objects[i][k].mean() <= preset.area[1]]
    for _ in range(30):
        if pairs:
            donor, number = pairs[rng.integers(len(pairs))]
            region = objects[donor][number]
        else:
            donor, number = int(rng.integers(1, len(photos))), None
            area = float(rng.uniform(*preset.area)) * photos[donor][:, :, 0].size
            region = draw_region(Segments(photos[donor]), area, preset, rng)
        pasted, mask = _paste(background, photos[donor], region)
        if preset.area[0] / 2 <= mask.mean() <= 2 * preset.area[1]:
            break
    else:
        raise UserError(f"no object fitted a background of {background.shape[0]} x {background.shape[1]}")
    blur = RADIUS if rng.random() < BLURRED else 0.0
    step = {"technique": SPLICE, "donor": donor, "object": number, "annotated": number is not None}
    return Forgery(
        before=pasted,
        authentic_before=background,
        mask=mask,
        regions=[(SPLICE, mask)],
        quality=None,
        dense=False,
        description={"preset": preset.name, "blur": blur, "quality": None, "steps": [step]},
        blur=blur,
    )


def _paste(background: np.ndarray, donor: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H x W x 3 uint8 RGB, H x W bool): the donor's region on a background, after resizing the whole donor."""
    cut = np.dstack([donor, region.astype(np.uint8) * 255])
    size = background.shape[1], background.shape[0]
    cut = np.array(Image.fromarray(cut, "RGBA").resize(size, Image.Resampling.LANCZOS))
    opacity = np.where(cut[:, :, 3] < _FAINT, 0, cut[:, :, 3])[:, :, None].astype(np.float32) / 255
    pasted = background + opacity * (cut[:, :, :3].astype(np.float32) - background)
    return to_uint8(pasted), opacity[:, :, 0] > 0
