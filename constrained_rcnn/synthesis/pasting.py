"""Regions pasted by hand: cut out of a photo, resized and turned, put where they fit, also over the image's border."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from .alpha import SHARE, composite, opacity
from .camera import INTERPOLATIONS
from .colour_shift import shift_colours
from .compositing import MARGIN, blend, grain_level, match_colour, match_grain, warp_region
from .draft import Draft, Edit
from .editing import draw_kind
from .masks import bounding_box
from .presets import log_uniform
from .regions import Segments
from .selection import select, wand

#: Factors of a copied region: nobody enlarges a copy beside its source much.
_COPIED = (0.5, 1.6)
#: Spots drawn for a region at most.
_TRIES = 12


def paste(draft: Draft, source: Segments, area: float, moved: bool = False, repeated: np.ndarray | None = None) -> Edit:
    """Pastes a region of a donor, or of the image itself.

    Args:
        draft: of the image.
        source: segments of the donor; of the image itself where ``moved``.
        area: wanted area, pixels.
        moved: copy-move.
        repeated: H x W bool, the region to copy; None: one is selected.
    """
    image, rng, editing = draft.image, draft.rng, draft.preset.require_editing()
    unchanged = bool(rng.random() < editing.unchanged)
    limits = _COPIED if moved else editing.scale
    scale = 1.0 if unchanged else log_uniform(rng, limits)
    region, kind = (repeated, "again") if repeated is not None else select(source, area / scale**2, editing, rng)
    if kind == "annotated" and not unchanged:
        scale = float(np.clip(np.sqrt(area / region.sum()) * np.exp(rng.normal(0, 0.15)), *limits))
    angle = float(rng.uniform(*editing.angle) * rng.choice([-1, 1]))
    turned = not unchanged and rng.random() < editing.turned
    warp: dict[str, Any] = {"scale": scale, "angle": angle if turned else 0.0}
    warp["flip"] = bool(not unchanged and rng.random() < editing.mirrored)
    warp["interpolation"] = list(INTERPOLATIONS)[rng.integers(len(INTERPOLATIONS))]
    if region.sum() * scale**2 > 0.9 * image[:, :, 0].size:
        return None
    pixels = image if moved else source.image
    patch, inside = cut_out(pixels, region, warp)
    barred = draft.occupied
    if moved:
        barred = draft.occupied | cv2.dilate(region.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    cut = np.array([region[-1].any(), region[:, 0].any(), region[:, -1].any()]) & (warp["angle"] == 0)
    cut = cut[[0, 2, 1]] if warp["flip"] else cut
    overhang = 0.5 if rng.random() < editing.beyond else 0.1
    spot = find_spot(image, patch, inside, barred, rng, overhang, tuple(cut))
    if spot is None:
        return None
    window, part = spot
    patch, inside = np.ascontiguousarray(patch[part]), inside[part]
    colours = "none" if moved and rng.random() < 0.7 else draw_kind(editing.colours, rng)
    edit = insert(draft, window, patch, inside, colours)
    if edit is None:
        return None
    forged, mask, step = edit
    step |= {"selection": kind, "warp": warp}
    return forged, mask & ~draft.occupied, step | ({"source": region} if moved else {})


def insert(draft: Draft, window: tuple[slice, slice], patch: np.ndarray, inside: np.ndarray, colours: str) -> Edit:
    """Puts pixels onto a window of the image: colours, grain and the edge.

    Args:
        draft: of the image.
        window: two slices, of h x w pixels.
        patch: h x w x 3 uint8 RGB.
        inside: h x w bool.
        colours: a kind of ``Editing.colours``.
    """
    image, preset, rng = draft.image, draft.preset, draft.rng
    editing, covered = preset.require_editing(), image[window]
    if colours == "matched":
        patch = match_colour(patch, inside, covered, rng)
    elif colours == "shifted":
        patch = shift_colours(patch, rng)
    grain = bool(rng.random() < editing.grain)
    if grain:
        patch = match_grain(patch, inside, grain_level(image), preset, rng)
    edge, width = draw_kind(editing.edges, rng), float(rng.uniform(*editing.ramp))
    if edge == "poisson" and inside.sum() > editing.poisson * image[:, :, 0].size:
        edge = "antialiased"
    if edge == "poisson":
        mixed, region = blend(np.ascontiguousarray(covered), patch, inside, edge), inside
    else:
        alpha = opacity(inside, edge, width, patch)
        mixed, region = composite(covered, patch, alpha), alpha > SHARE
    if not region.any():
        return None
    forged, mask = image.copy(), np.zeros(image.shape[:2], bool)
    forged[window], mask[window] = mixed, region
    return forged, mask, {"colours": colours, "edge": edge, "grain": grain}


def cut_out(image: np.ndarray, mask: np.ndarray, warp: dict) -> tuple[np.ndarray, np.ndarray]:
    """As ``compositing.warp_region``, but reduced by averaging, as editors do.

    Returns:
        h x w x 3 uint8 RGB and h x w bool, with a margin.
    """
    box = bounding_box(mask, 2 * MARGIN)
    image, mask = image[box], mask[box]
    if warp["scale"] < 1:
        size = tuple(max(8, round(side * warp["scale"])) for side in mask.shape[::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
        if not small.any():
            return image, small
        mask, warp = small, {**warp, "scale": 1.0}
    return warp_region(np.ascontiguousarray(image), mask, warp)


def find_spot(
    image: np.ndarray, patch: np.ndarray, mask: np.ndarray, barred: np.ndarray, rng: np.random.Generator,
    overhang: float, cut: tuple[bool, bool, bool] = (False, False, False),
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:  # fmt: skip
    """Where to paste: of a few free spots the one whose colours fit best along the rim.

    Args:
        image: H x W x 3 uint8 RGB.
        patch, mask: h x w x 3 uint8 RGB and h x w bool.
        barred: H x W bool, pixels that the region must not touch.
        overhang: share of the region that may lie beyond the image's border.
        cut: whether the region was cut by the lower, left, right border of its own photo. It is put against the
            same border, as nobody shows such a cut; "left" wins over "right".

    Returns:
        The window of the image and the window of the patch; None where no spot is free.
    """
    height, width = image.shape[:2]
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    total = int(mask.sum())
    if not total:
        return None
    rim = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(bool)
    best, best_cost, compared = None, np.inf, 0
    for _ in range(_TRIES):
        top = int(rng.integers(-int(overhang * h), max(1, height - int((1 - overhang) * h) + 1)))
        left = int(rng.integers(-int(overhang * w), max(1, width - int((1 - overhang) * w) + 1)))
        if cut[0]:
            top = height - h + int(rng.integers(1 + int(min(overhang, 0.3) * h)))
        if cut[1] or cut[2]:
            over = int(rng.integers(1 + int(min(overhang, 0.3) * w)))
            left = -over if cut[1] else width - w + over
        top, left = top - y, left - x  # of the patch, whose region begins at (y, x)
        rows = slice(max(0, top), min(height, top + mask.shape[0]))
        columns = slice(max(0, left), min(width, left + mask.shape[1]))
        part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        inside = mask[part]
        if inside.sum() < (1 - overhang) * total or (inside & barred[rows, columns]).any():
            continue
        rim_part = rim[part]
        covered = image[rows, columns][rim_part].astype(np.int32)
        cost = float(((patch[part][rim_part] - covered) ** 2).mean()) if len(covered) else 0.0
        if cost < best_cost:
            best, best_cost = ((rows, columns), part), cost
        compared += 1
        if compared == 4:
            break
    return best


def replace_behind(draft: Draft, segments: Segments, donor: np.ndarray, area: float) -> Edit:
    """Fills a segment of the image, or all but one of its objects, with another photo: a new sky, a new background.

    Args:
        draft: of the image.
        segments: of the image.
        donor: h x w x 3 uint8 RGB.
        area: wanted area, pixels.
    """
    image, rng, editing = draft.image, draft.rng, draft.preset.require_editing()
    low, high = (share * image[:, :, 0].size for share in (0.08, editing.covered[1]))
    backgrounds = [~mask for mask in segments.objects if low < mask.size - mask.sum() < high]
    if backgrounds and rng.random() < 0.5:
        region, kind = backgrounds[rng.integers(len(backgrounds))], "around"
    else:
        region, kind = wand(image, max(area, low), rng), "wand"
    if region is None or (region & draft.occupied).any():
        return None
    window = bounding_box(region, 2 * MARGIN)
    inside = region[window]
    least = max(inside.shape[0] / donor.shape[0], inside.shape[1] / donor.shape[1], editing.scale[0])
    if least > editing.scale[1]:
        return None
    scale = min(editing.scale[1], least * float(rng.uniform(1.0, 1.5)))
    rows, columns = (min(large, max(8, int(side / scale))) for large, side in zip(donor.shape, inside.shape))
    row, column = (int(rng.integers(large - side + 1)) for large, side in zip(donor.shape, (rows, columns)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    patch = cv2.resize(
        donor[row : row + rows, column : column + columns], inside.shape[::-1], interpolation=interpolation
    )
    edit = insert(draft, window, patch, inside, draw_kind(editing.colours, rng))
    if edit is None:
        return None
    forged, mask, step = edit
    return forged, mask & ~draft.occupied, step | {"selection": kind, "behind": True, "warp": {"scale": scale}}
