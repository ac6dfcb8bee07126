"""Where two versions of one image differ by more than compression, tones and a pixel's misplacement explain."""

from __future__ import annotations

import cv2
import numpy as np

from .difference import BLUR, standing_out
from .similarity import correlation, spread

# Chosen with casia_v1_train, whose tampered images were compared with their authentic backgrounds after both had been
# compressed, scaled, turned, mirrored or toned otherwise.
#: Side in pixels of the opening square of patterns.
_OPENING = 7
#: Correlation of grey values below which patterns differ, and the least spread of a pattern, grey levels.
_UNLIKE, _PATTERN = 0.2, 10.0
#: Share of a region that must differ even if a pixel's misplacement is forgiven.
_SEED = 0.1
#: Smallest region, as a share of what both have, in pixels, and beside the largest one: less is a grain of compression.
_SMALLEST, _FEWEST, _SMALL_BESIDE = 0.0003, 60, 0.05
#: Error, beside that of a channel alone, below which all three make it.
_MIXED = 0.7
#: How slowly brightness may vary, a standard deviation as a share of the longer side.
_SLOW = 0.1
#: Pixels at the image's frame that are left out.
_FRAME = 4
#: Pixels, about, from which it is learned how all three make it.
_FITTED = 50_000
#: Width in grey levels of a tone, and fewest pixels by which it is known what becomes of it.
_TONE, _TONE_PIXELS = 8, 30


def altered(image: np.ndarray, aligned: np.ndarray, alike: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """
    Args:
        image: (H, W, 3) uint8, BGR.
        aligned: (H, W, 3) float32, BGR, the other version laid on it, within about a pixel.
        alike: (H, W) bool, not empty, where the two are known to be alike: tones and noise are learned there.
        overlap: (H, W) bool, what both have.

    Returns:
        (H, W) bool, within ``overlap``. What one version cannot show, blown highlights for instance, does not count.
    """
    exact, forgiving = np.zeros(alike.shape, np.float32), np.zeros(alike.shape, np.float32)
    versions = image.astype(np.float32), aligned
    for channel in range(3):
        # Either way: a version that has lost tones cannot be turned into the other, but the other into it.
        pairs = [(a[:, :, channel], _in_tones_of(a, b, channel, alike)) for a, b in (versions, versions[::-1])]
        for levels, distance in ((exact, cv2.absdiff), (forgiving, _apart)):
            least = np.minimum(*(distance(*pair) for pair in pairs))
            np.maximum(levels, cv2.GaussianBlur(least, (0, 0), BLUR), out=levels)
    # Pixels at the frame have half their surroundings only.
    overlap = overlap.copy()
    overlap[:_FRAME], overlap[-_FRAME:], overlap[:, :_FRAME], overlap[:, -_FRAME:] = (False,) * 4
    exact, forgiving = (overlap & standing_out(levels * overlap, levels[alike]) for levels in (exact, forgiving))
    seeds = forgiving | _other_pattern(image, aligned, overlap)
    differing = exact | seeds
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(differing.view(np.uint8))
    areas = statistics[:, cv2.CC_STAT_AREA].astype(float)
    areas[np.bincount(labels[seeds], minlength=count) < _SEED * areas] = 0  # edges that are a little apart
    areas[0] = 0
    return (areas >= max(_SMALLEST * overlap.sum(), _FEWEST, _SMALL_BESIDE * areas.max()))[labels]


def _apart(image: np.ndarray, aligned: np.ndarray) -> np.ndarray:
    """Absolute difference, (H, W), from the nearest of the other's values within a pixel."""
    square = np.ones((3, 3), np.uint8)
    return np.maximum(0, np.maximum(cv2.erode(aligned, square) - image, image - cv2.dilate(aligned, square)))


def _in_tones_of(image: np.ndarray, aligned: np.ndarray, channel: int, alike: np.ndarray) -> np.ndarray:
    """The other's channel, (H, W) float32, with the tones that the first one has where both are alike.

    Made of that channel alone, or of all three where that is much closer: grey, sepia, and what was desaturated.
    """
    target, positions = image[:, :, channel], np.flatnonzero(alike)
    positions = positions[:: 1 + len(positions) // _FITTED]
    inputs = np.c_[aligned.reshape(-1, 3)[positions], np.ones(len(positions))]
    weights = np.linalg.lstsq(inputs, target.ravel()[positions], rcond=None)[0].astype(np.float32)
    channels = aligned[:, :, channel], aligned @ weights[:3] + weights[3]
    plain, mixed = (_curved(target, values, alike) for values in channels)
    errors = [float(np.abs(prediction - target)[alike].mean()) for prediction in (plain, mixed)]
    best = mixed if errors[1] < _MIXED * errors[0] else plain
    return best + _slow(target - best, alike)


def _slow(error: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """What of an error, (H, W), varies slowly over the image, as by a vignette; learned where both are alike."""
    small = tuple(max(1, round(side * min(1.0, 160 / max(error.shape)))) for side in error.shape[::-1])
    weight = alike.astype(np.float32)
    sums, weights = (cv2.resize(values, small, interpolation=cv2.INTER_AREA) for values in (error * weight, weight))
    sigma = _SLOW * max(small)
    sums, weights = (cv2.GaussianBlur(values, (0, 0), sigma) for values in (sums, weights))
    return cv2.resize(sums / (weights + 0.02), error.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _curved(target: np.ndarray, values: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """The values, (H, W) float32, by the curve that turns their tones into the target's where both are alike."""
    tones = np.clip(values[alike] / _TONE, 0, 255 // _TONE).astype(int)
    counts = np.bincount(tones)
    frequent = counts >= _TONE_PIXELS
    if frequent.sum() < 2:
        return values
    levels, targets = (np.bincount(tones, grey[alike])[frequent] / counts[frequent] for grey in (values, target))
    # Beyond the tones that are known the curve goes on as straight as it is on the whole.
    slope = np.polyfit(levels, targets, 1, w=np.sqrt(counts[frequent]))[0]
    ends = np.interp([0.0, 255.0], levels, targets) + slope * np.array([-levels[0], 255 - levels[-1]])
    levels, targets = np.r_[-1.0, levels, 256.0], np.r_[ends[0], targets, ends[1]]
    return np.interp(values, levels, targets.clip(0, 255)).astype(np.float32)


def _other_pattern(image: np.ndarray, aligned: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Where both have a pattern, but not the same; their tones may be. (H, W) bool."""
    grey, aligned_grey = (cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) for pixels in (image.astype(np.float32), aligned))
    patterned = np.minimum(spread(grey, 9), spread(aligned_grey, 9)) > _PATTERN
    unlike = overlap & patterned & (correlation(grey, aligned_grey) < _UNLIKE)
    return cv2.morphologyEx(unlike.view(np.uint8), cv2.MORPH_OPEN, np.ones((_OPENING,) * 2, np.uint8)) > 0
