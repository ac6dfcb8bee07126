"""One forgery from photos, through the last steps that its authentic counterpart shares."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.techniques import TECHNIQUES
from ..utils.errors import UserError
from . import people, rgbn
from .camera import History, draw_history, draw_view, photograph
from .compositing import grain_level
from .copy_move import copy_move
from .draft import Draft
from .forgery import Forgery
from .objects import Donor, in_view
from .presets import DEFAULT_PRESET, DEFAULT_SIZE, Preset, draw_quality, get_preset, log_uniform
from .regions import Segments
from .removal import removal
from .splice import splice


def synthesize(
    photos: Sequence[np.ndarray],
    rng: np.random.Generator,
    preset: str | Preset = DEFAULT_PRESET,
    techniques: Sequence[str] = TECHNIQUES,
    size: tuple[int, int] = DEFAULT_SIZE,
    objects: Sequence[Sequence[np.ndarray]] | None = None,
) -> Forgery:
    """Makes one forgery.

    Args:
        photos: the first is the background, the others are donors; each H x W x 3 uint8 RGB of any size. A
            splice needs at least two.
        rng: the only source of randomness.
        preset: a preset or its name.
        techniques: those to choose from, evenly.
        size: (height, width) of the result, pixels; the recipe "rgbn" keeps the background's own, the recipe
            "people" where that is smaller.
        objects: of each photo, the masks of its annotated objects, bool on the photo's grid; regions come from
            them where there are any.

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
    if preset.recipe == "rgbn":
        return rgbn.splice_whole(photos, rng, preset, techniques, objects)
    if preset.recipe == "people":
        return people.forge(photos, rng, preset, techniques, size, objects)
    technique = techniques[int(rng.integers(len(techniques)))]
    objects = objects or [()] * len(photos)
    history = draw_history(preset, rng)
    segments = _take(photos[0], objects[0], size, history, preset, rng)
    authentic, grain = segments.image, grain_level(segments.image)
    donors = list(zip(range(1, len(photos)), photos[1:], objects[1:]))
    # Where some donors have annotated objects, splices are made of these.
    donors = [donor for donor in donors if len(donor[2])] or donors
    for attempt in range(30):
        if attempt == 20:  # objects of unlucky sizes: go on as without annotations
            segments, donors = Segments(authentic), [(*donor[:2], ()) for donor in donors]
        draft = _forge(segments, donors, technique, grain, preset, rng)
        if draft is not None:
            break
    else:
        raise UserError(f"no {technique} fitted an image of {size[0]} x {size[1]}: use a larger size")
    final_quality = draw_quality(rng, preset.final_jpeg)
    quality = None if rng.random() < preset.lossless else final_quality
    dense = bool(rng.random() < 0.5)
    first = None
    if preset.first_jpeg[0] and rng.random() < preset.first_jpeg[0]:
        first = draw_quality(rng, preset.first_jpeg[1])
    return Forgery(
        before=draft.image,
        authentic_before=authentic,
        mask=np.any([mask for _, mask in draft.regions], axis=0),
        regions=draft.regions,
        quality=quality,
        dense=dense,
        first_quality=first,
        description={
            "preset": preset.name,
            "history": dataclasses.asdict(history),
            "first_quality": first,
            "quality": quality,
            "steps": draft.steps,
        },
    )


def _take(
    photo: np.ndarray,
    objects: Sequence[np.ndarray],
    size: tuple[int, int],
    history: History,
    preset: Preset,
    rng: np.random.Generator,
) -> Segments:
    """A photo through its history, with those of its objects that can be seen."""
    view = draw_view(photo.shape, size, history, rng)
    image = photograph(photo, size, history, rng, view)
    bounds = preset.covered[0] / 2 * image[:, :, 0].size, preset.covered[1] * image[:, :, 0].size
    visible = in_view(objects, view, size) if len(objects) else []
    return Segments(image, [mask for mask in visible if bounds[0] <= mask.sum() <= bounds[1]])


def _forge(
    segments: Segments, donors: Sequence[Donor], technique: str, grain: float, preset: Preset, rng: np.random.Generator
) -> Draft | None:
    """One draw of all regions, or None where they did not fit."""
    authentic = segments.image
    total = log_uniform(rng, preset.area) * authentic.shape[0] * authentic.shape[1]
    count = 1 + int(rng.choice(len(preset.regions), p=preset.regions))
    shares = rng.uniform(0.6, 1.4, count)
    shares /= shares.sum()
    draft, donor = Draft(authentic, preset, rng, gap=9), segments
    for share in shares:
        area = float(share * total)
        extra: dict[str, Any] = {}
        if technique == "splice":
            history = draw_history(preset, rng, donor=True)
            index, photo, outlined = donors[int(rng.integers(len(donors)))]
            donor = _take(photo, outlined, authentic.shape[:2], history, preset, rng)
            edit = splice(draft, donor, area, grain)
            extra = {"donor": index, "donor_history": dataclasses.asdict(history)}
        elif technique == "copy-move":
            edit = copy_move(draft, segments, area, grain)
        else:
            edit = removal(draft, segments, area, grain)
        if edit is None:
            return None
        forged, mask, step = edit
        step["annotated"] = bool(donor.objects)
        draft.add(technique, forged, mask, step, extra)
    covered = sum(mask.mean() for _, mask in draft.regions)
    return draft if preset.covered[0] <= covered <= preset.covered[1] else None
