"""The recipe "people": what hands do to any photo, and what happens to the result on its way.

Background and donors mostly keep the history they came with, at their own scale; no photo is enlarged. A background
smaller than the size asked for gives a result of its own size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ..utils.errors import UserError
from .alpha import SHARE, composite, opacity
from .camera import History, draw_history, draw_view, photograph, sensor_size
from .clone_stamp import stamp
from .compositing import blend
from .draft import Draft, Edit
from .editing import draw_kind
from .forgery import Forgery
from .journey import draw_journey, draw_last_steps
from .lettering import block, draw_text, paste_text
from .objects import Donor, in_view
from .pasting import paste, replace_behind
from .presets import Preset, draw_quality, log_uniform
from .regions import Segments
from .removal import fill_by_diffusion, fill_by_patches
from .retouch import retouch
from .selection import select

#: Draws of all regions before it is given up, and after how many objects are no longer asked for.
ATTEMPTS, PLAIN_AFTER = 40, 20
#: Least share of a region whose pixels differ from before, of a text with its gaps. A blurred white wall, or one part
#: of it copied onto another, is the wall as it was, and nothing could be found there.
CHANGED, CHANGED_BY_TEXT = 0.35, 0.12


def forge(
    photos: Sequence[np.ndarray],
    rng: np.random.Generator,
    preset: Preset,
    techniques: Sequence[str],
    size: tuple[int, int],
    objects: Sequence[Sequence[np.ndarray]] | None,
) -> Forgery:
    """Makes one forgery; arguments and errors as ``generate.synthesize``.

    Returns:
        The forgery, whose images before the last steps are those after the journey; the mask is what the journey
        left of the region.
    """
    preset = draw_workflow(preset, rng)
    editing = preset.require_editing()
    technique = techniques[int(rng.integers(len(techniques)))]
    objects = objects or [()] * len(photos)
    size = tuple(min(side, large) for side, large in zip(size, photos[0].shape))
    journey = draw_journey(editing, min(large / side for large, side in zip(photos[0].shape, size)), rng)
    work = tuple(min(side, large) for side, large in zip(journey.before(size), photos[0].shape))
    segments, history = take(photos[0], objects[0], work, preset, rng, donor=False)
    donors = list(zip(range(1, len(photos)), photos[1:], objects[1:]))
    for attempt in range(ATTEMPTS):
        if attempt == PLAIN_AFTER:
            segments, donors = Segments(segments.image), [(*donor[:2], ()) for donor in donors]
        draft = _edit(segments, donors, technique, preset, rng)
        if draft is None:
            continue
        regions = [(name, journey.travel_mask(mask, size)) for name, mask in draft.regions]
        mask = np.any([mask for _, mask in regions], axis=0)
        if editing.covered[0] <= mask.mean() <= editing.covered[1] and all(mask.any() for _, mask in regions):
            break
    else:
        raise UserError(f"no {technique} fitted an image of {size[0]} x {size[1]}: use a larger size")
    last = draw_last_steps(editing, rng)
    return Forgery(
        before=journey.travel(draft.image, size),
        authentic_before=journey.travel(segments.image, size),
        mask=mask,
        regions=regions,
        **last,
        description={
            "preset": preset.name,
            "history": dataclasses.asdict(history),
            "journey": dataclasses.asdict(journey),
            "first_quality": last["first_quality"],
            "quality": last["quality"],
            "steps": draft.steps,
        },
    )


def draw_workflow(preset: Preset, rng: np.random.Generator) -> Preset:
    """The preset, or as often as it says what is left of it where people develop raw files: no JPEG before the last."""
    editing = preset.require_editing()
    if rng.random() >= editing.raw:
        return preset
    editing = dataclasses.replace(
        editing, background_jpeg=(0.0, editing.quality), saved=0.0, first_jpeg=0.0, png=0.6, quality=(90, 100)
    )
    return dataclasses.replace(
        preset,
        own_history=0.0,
        editing=editing,
        camera_jpeg=(0.0, preset.camera_jpeg[1]),
        donor_jpeg=(0.0, preset.donor_jpeg[1]),
    )


def take(
    photo: np.ndarray,
    objects: Sequence[np.ndarray],
    size: tuple[int, int],
    preset: Preset,
    rng: np.random.Generator,
    donor: bool,
) -> tuple[Segments, History]:
    """A photo of a size through a history, with those of its objects that can be seen: (Segments, History)."""
    history = draw_history(preset, rng, donor)
    if any(large < side for large, side in zip(photo.shape, sensor_size(size, history))):
        history = dataclasses.replace(history, scale=1.0)  # no photo is enlarged
    share, qualities = preset.require_editing().background_jpeg
    if not donor and rng.random() < share:
        history = dataclasses.replace(history, jpeg=draw_quality(rng, qualities), grid=(0, 0))
    view = draw_view(photo.shape, size, history, rng)
    visible = in_view(objects, view, size) if len(objects) else []
    return Segments(photograph(photo, size, history, rng, view), visible), history


def _take_donor(
    photo: np.ndarray, objects: Sequence[np.ndarray], preset: Preset, rng: np.random.Generator
) -> tuple[Segments, History]:
    """The whole of a donor at its own scale, reduced where it is large or goes through a camera anew."""
    step = max(1.0, max(photo.shape[:2]) / preset.require_editing().longest)
    if rng.random() >= preset.own_history:
        step *= float(rng.uniform(1.2, 2.0))
    if step == 1:
        size, unchanged = photo.shape[:2], dataclasses.replace(preset, own_history=1.0)
        return take(photo, objects, size, unchanged, rng, donor=True)
    size = tuple(max(64, round(side / step)) for side in photo.shape[:2])
    history_of = dataclasses.replace(preset, own_history=0.0, donor_resized=(0.0, preset.donor_resized[1]))
    return take(photo, objects, tuple(map(min, size, photo.shape)), history_of, rng, donor=True)


def _edit(
    segments: Segments, donors: Sequence[Donor], technique: str, preset: Preset, rng: np.random.Generator
) -> Draft | None:
    """One draw of all regions, or None where they did not fit."""
    authentic, editing = segments.image, preset.require_editing()
    pixels = authentic[:, :, 0].size
    count = 1 + int(rng.choice(len(preset.regions), p=preset.regions))
    shares = rng.uniform(0.5, 1.5, count)
    shares *= log_uniform(rng, editing.covered) / shares.sum()
    draft, source = Draft(authentic, preset, rng, gap=17), None
    for share in shares:
        extra: dict[str, Any] = {}
        if technique == "splice":
            edit, extra = _splice(draft, segments, donors, share * pixels)
        elif technique == "copy-move":
            repeated = source if rng.random() < editing.again else None  # one thing copied several times
            edit = paste(draft, segments, share * pixels, moved=True, repeated=repeated)
        else:
            edit = _remove(draft, segments, share * pixels)
        if edit is None:
            return None
        forged, mask, step = edit
        least = CHANGED_BY_TEXT if "text" in step else CHANGED
        if not mask.any() or (np.abs(forged[mask].astype(np.int16) - draft.image[mask]).max(1) > 1).mean() < least:
            return None
        source = draft.add(technique, forged, mask, step, extra)
    return draft


def _splice(draft: Draft, segments: Segments, donors: Sequence[Donor], area: float) -> tuple[Edit, dict[str, Any]]:
    preset, rng = draft.preset, draft.rng
    editing, kind = preset.require_editing(), rng.random()
    if kind < editing.lettered:
        return paste_text(draft), {}
    outlined = [donor for donor in donors if len(donor[2])]
    pool = outlined if outlined and rng.random() < editing.objects else donors
    index, photo, objects = pool[int(rng.integers(len(pool)))]
    donor, history = _take_donor(photo, objects, preset, rng)
    extra = {"donor": index, "donor_history": dataclasses.asdict(history)}
    if kind < editing.lettered + editing.behind:
        return replace_behind(draft, segments, donor.image, area), extra
    return paste(draft, donor, area), extra


def _remove(draft: Draft, segments: Segments, area: float) -> Edit:
    rng, occupied = draft.rng, draft.occupied
    editing, kind = draft.preset.require_editing(), rng.random()
    if kind < editing.retouched or area > editing.filled * occupied.size:
        return retouch(draft, segments, area)
    if kind < editing.retouched + editing.erased:
        text = draw_text(draft)
        if text is None:
            return None
        window, coverage, height = text
        region = np.zeros(occupied.shape, bool)
        strokes = cv2.dilate(coverage, np.ones((3, 3), np.uint8)) > 0.2
        region[window] = strokes if rng.random() < 0.5 and height > 20 else block(coverage, height)
        edit = _fill(draft, region, "diffusion" if rng.random() < 0.6 else "patches")
        if edit is None:
            return None
        image, mask, step = edit
        mask[window] |= block(coverage, height)
        return image, mask & ~occupied, step | {"text": True}
    region, selection = select(segments, area, editing, rng)
    if selection == "annotated":  # with a margin, as a person marks what has to go
        region = cv2.dilate(region.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    if (region & occupied).any() or region.mean() > editing.filled:
        return None
    edit = _fill(draft, region, draw_kind(editing.fillings, rng))
    return None if edit is None else (*edit[:2], edit[2] | {"selection": selection})


def _fill(draft: Draft, region: np.ndarray, method: str) -> Edit:
    image, rng, occupied = draft.image, draft.rng, draft.occupied
    if method == "diffusion" and region.mean() > 0.04:
        method = "stamp"  # diffusion smears wide holes visibly
    if method == "stamp":
        stamped = stamp(draft, region)
        if stamped is None:
            return None
        return stamped[0], (stamped[1] > SHARE) & ~occupied, {"method": "stamp", "edge": "stroke"}
    if method == "diffusion":
        patch = fill_by_diffusion(image, region, ("telea", "navier-stokes")[rng.integers(2)])
    else:
        filled = fill_by_patches(draft, region, int(rng.choice([1, 1, 3])))
        if filled is None:
            return None
        patch = filled
        if rng.random() < 0.3 and region.mean() <= draft.preset.require_editing().poisson:
            return blend(image, patch, region, "poisson"), region, {"method": method, "edge": "poisson"}
    edge = ("antialiased", "feathered")[rng.integers(2)]
    alpha = opacity(region, edge, float(rng.uniform(2, 5)), patch)
    return composite(image, patch, alpha), (alpha > SHARE) & ~occupied, {"method": method, "edge": edge}
