"""How a region gets into an image: warping, colour and grain matching, and the edge."""

from __future__ import annotations

import cv2
import numpy as np

from .camera import INTERPOLATIONS
from .masks import to_uint8
from .presets import Preset, log_uniform

#: Pixels around a cut-out region, so that edges can be softened and filters see real neighbours.
MARGIN = 8
#: Standard deviation of white noise of deviation 1 in each of R, G, B after conversion to grey (Rec. 601
#: weights).
_GREY_SHARE = float(np.sqrt(0.299**2 + 0.587**2 + 0.114**2))


def draw_warp(preset: Preset, rng: np.random.Generator) -> dict:
    """Draws a resampling: scaled, turned or both, maybe mirrored.

    Returns:
        ``scale`` (factor), ``angle`` (degrees), ``flip`` (bool), ``interpolation`` (name).
    """
    kind = rng.integers(3)  # scaled, turned, both
    scale, angle = 1.0, 0.0
    if kind != 1:
        scale = log_uniform(rng, preset.scale_up if rng.random() < 0.6 else preset.scale_down)
    if kind != 0:
        angle = float(rng.uniform(*preset.rotation) * rng.choice([-1, 1]))
    names = list(INTERPOLATIONS)
    return {
        "scale": scale,
        "angle": angle,
        "flip": bool(rng.random() < 0.3),
        "interpolation": names[rng.integers(len(names))],
    }


def warp_region(image: np.ndarray, mask: np.ndarray, warp: dict) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a region out, scaled, turned and mirrored.

    Args:
        image: H x W x 3 uint8 RGB.
        mask: H x W bool, not empty.
        warp: from ``draw_warp``; without scaling and turning no pixel is interpolated.

    Returns:
        The region's box with a margin of at least ``MARGIN`` pixels, h x w x 3 uint8 RGB, and the mask on it,
        h x w bool. Beyond the image's border the margin is mirrored.
    """
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    angle = np.deg2rad(warp["angle"])
    turn = warp["scale"] * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if warp["flip"]:
        turn = turn @ np.diag([-1.0, 1.0])
    corners = np.array([[x, y], [x + w - 1, y], [x, y + h - 1], [x + w - 1, y + h - 1]]) @ turn.T
    low, high = np.floor(corners.min(0)), np.ceil(corners.max(0))
    size = tuple(int(side) + 1 + 2 * MARGIN for side in high - low)
    matrix = np.concatenate([turn, (MARGIN - low)[:, None]], 1)
    plain = warp["scale"] == 1 and warp["angle"] == 0
    interpolation = cv2.INTER_NEAREST if plain else INTERPOLATIONS[warp["interpolation"]]
    patch = cv2.warpAffine(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REFLECT_101)
    interpolation = cv2.INTER_NEAREST if plain else cv2.INTER_LINEAR
    return patch, cv2.warpAffine(mask.astype(np.float32), matrix, size, flags=interpolation) > 0.5


def find_place(
    image: np.ndarray,
    patch: np.ndarray,
    mask: np.ndarray,
    barred: np.ndarray,
    rng: np.random.Generator,
    tries: int = 40,
    compared: int = 6,
    texture: float = 0.0,
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray] | None:
    """Where to paste a region: of a few random free places, the one whose colours fit best along the rim.

    Args:
        image: H x W x 3 uint8 RGB.
        patch, mask: from ``warp_region``.
        barred: H x W bool, pixels that the region must not touch.
        tries: places drawn at most.
        compared: free places compared.
        texture: how much a place's cost rises with each factor of two between the texture of the region and
            that of what it would cover; 0: colours alone count.

    Returns:
        The window of the image (two slices), and the parts of patch and mask that fall on it; None where no
        place is free. At most about a tenth of the region lies beyond the image's border.
    """
    height, width = image.shape[:2]
    h, w = mask.shape
    total = int(mask.sum())
    rim = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)).astype(bool)
    best, best_cost = None, np.inf
    if texture:
        detail, level = _detail(image), _detail(patch)[mask].mean() + 1.0
    for _ in range(tries):
        top = int(rng.integers(-h // 4, max(-h // 4 + 1, height - 3 * h // 4)))
        left = int(rng.integers(-w // 4, max(-w // 4 + 1, width - 3 * w // 4)))
        rows, columns = slice(max(0, top), min(height, top + h)), slice(max(0, left), min(width, left + w))
        part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        inside = mask[part]
        if inside.sum() < 0.9 * total or (inside & barred[rows, columns]).any():
            continue
        rim_part = rim[part]
        covered = image[rows, columns][rim_part].astype(np.float32)
        cost = float(((patch[part][rim_part] - covered) ** 2).mean()) if len(covered) else 0.0
        if texture:
            ratio = level / (detail[rows, columns][inside].mean() + 1.0)
            cost = (cost + 100.0) * (1 + texture * abs(float(np.log2(ratio))))
        if cost < best_cost:
            best, best_cost = ((rows, columns), patch[part], inside), cost
        compared -= 1
        if compared == 0:
            break
    return best


def _detail(image: np.ndarray) -> np.ndarray:
    """Local detail, H x W float32 >= 0: the absolute Laplacian of the grey values."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return np.abs(cv2.Laplacian(grey, cv2.CV_32F))


def grain_level(image: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Noise level of a region: the lower quartile of the local deviation of what a 3x3 high pass leaves.

    The quartile keeps edges and texture out of the estimate, as a noise estimator of a photo editor does.

    Args:
        image: H x W x 3 uint8 RGB.
        mask: H x W bool; None: all of the image.

    Returns:
        Standard deviation, grey levels of 0..255; 0 for a region without room for a window.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    residual = grey - cv2.GaussianBlur(grey, (3, 3), 0)
    power = cv2.blur(residual * residual, (7, 7))
    if mask is None:
        mask = np.ones(grey.shape, bool)
    core = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0).astype(bool)
    values = power[core]
    return float(np.sqrt(np.quantile(values[:: max(1, len(values) // 5000)], 0.25))) if len(values) else 0.0


def match_grain(
    patch: np.ndarray, mask: np.ndarray, target: float, preset: Preset, rng: np.random.Generator
) -> np.ndarray:
    """Gives a region as much noise as the image has, by one of the two ways of the trade.

    Degrain and regrain, what compositors do: the region's own noise is smoothed away and fresh grain of the
    image's level put on. Or only the difference: grain is added where the region has less, softened where it
    has more.

    Args:
        patch: h x w x 3 uint8 RGB.
        mask: h x w bool.
        target: ``grain_level`` of the image.
        preset: ``degrained`` and ``colour_grain`` are used.

    Returns:
        h x w x 3 uint8 RGB.
    """
    if rng.random() < preset.degrained:
        # Twice the noise's deviation separates noise from edges; the high pass of grain_level halves it,
        # about.
        reach = max(4.0, 4 * grain_level(patch, mask))
        patch = cv2.bilateralFilter(np.ascontiguousarray(patch), 5, reach, 2.0)
    level = grain_level(patch, mask)
    if level > target > 0:
        soft = cv2.GaussianBlur(patch, (3, 3), 0).astype(np.float32)
        return to_uint8(soft + (patch - soft) * (target / level))
    # A 3x3 binomial high pass leaves this share of the power of white noise: sum of squares of delta -
    # kernel.
    kernel = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
    kernel[1, 1] -= 1
    sigma = np.sqrt(max(0.0, target**2 - level**2) / (kernel**2).sum())
    if rng.random() < preset.colour_grain:
        noise = rng.standard_normal(patch.shape, dtype=np.float32) * np.float32(sigma / _GREY_SHARE)
    else:
        noise = rng.standard_normal((*patch.shape[:2], 1), dtype=np.float32) * np.float32(sigma)
    return to_uint8(patch + noise)


def match_colour(patch: np.ndarray, mask: np.ndarray, background: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pulls mean and contrast per channel a random part of the way to those of the pixels replaced.

    Args:
        patch, background: H x W x 3 uint8 RGB.
        mask: H x W bool, not empty.

    Returns:
        H x W x 3 uint8 RGB.
    """
    weight = rng.uniform(0.2, 0.7)
    inside, covered = patch[mask].astype(np.float32), background[mask].astype(np.float32)
    gain = 1 + weight * (np.clip(covered.std(0) / (inside.std(0) + 1), 0.7, 1.4) - 1)
    offset = inside.mean(0) + weight * (covered.mean(0) - inside.mean(0)) - gain * inside.mean(0)
    return to_uint8(patch * gain.astype(np.float32) + offset.astype(np.float32))


def blend(background: np.ndarray, patch: np.ndarray, mask: np.ndarray, edge: str, width: float = 1.0) -> np.ndarray:
    """Puts a region onto a background. Not one pixel outside of the mask changes.

    Args:
        background, patch: H x W x 3 uint8 RGB.
        mask: H x W bool.
        edge: "hard"; "feathered", a ramp of about ``width`` pixels inwards from the mask's border; or
            "poisson", gradient-domain (Perez et al. 2003), which keeps the patch's detail and takes the
            border's colours.

    Returns:
        H x W x 3 uint8 RGB.
    """
    if edge == "poisson":
        return np.where(mask[:, :, None], _poisson(background, patch, mask), background)
    if edge == "hard":
        return np.where(mask[:, :, None], patch, background)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), width)
    alpha = np.where(mask, np.clip(2 * soft - 0.9, 0.1, 1), 0)[:, :, None]
    return to_uint8(background + alpha * (patch.astype(np.float32) - background))


def draw_edge(preset: Preset, rng: np.random.Generator) -> tuple[str, float]:
    """Draws the kind of edge and the width of a feathered one in pixels."""
    kind = rng.random()
    if kind < preset.poisson:
        return "poisson", 0.0
    if kind < preset.poisson + preset.feathered:
        return "feathered", float(rng.uniform(0.7, 2.5))
    return "hard", 0.0


def _poisson(background: np.ndarray, patch: np.ndarray, mask: np.ndarray) -> np.ndarray:
    # OpenCV's clone places the box of the mask about a centre and fails at the image's border: pad, and cut
    # again.
    pad = 4
    sides = (pad, pad, pad, pad)
    wide = [cv2.copyMakeBorder(i, *sides, cv2.BORDER_REFLECT_101) for i in (background, patch)]
    inside = cv2.copyMakeBorder(mask.astype(np.uint8) * 255, *sides, cv2.BORDER_CONSTANT, value=0)
    x, y, w, h = cv2.boundingRect(inside)
    cloned = cv2.seamlessClone(wide[1], wide[0], inside, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    return cloned[pad:-pad, pad:-pad]
