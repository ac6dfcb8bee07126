"""Photo-like images made by us, for training where no photos are at hand.

Built from what photos share statistically: fractal textures (a 1/f spectrum), surfaces that occlude each other at all
scales with shading on them (the dead leaves model of Lee, Mumford and Huang, 2001), and man-made order (bricks, tiles).
They need not fool people: a forgery detector looks at the traces that the camera leaves on top of them.
"""

from __future__ import annotations

import cv2
import numpy as np

KINDS = ("leaves", "landscape", "wall", "water", "foliage")


def fractal(size: tuple[int, int], rng: np.random.Generator, decay: float = 1.0, stretch: float = 1.0) -> np.ndarray:
    """Fractal noise: octaves of smoothed random grids.

    Args:
        size: (height, width).
        decay: how fast amplitude falls with frequency; 1 is a photo's own fall, smaller is rougher.
        stretch: width to height of a spot; more than 1 for waves and grain of wood.

    Returns:
        H x W float32 in [0, 1].
    """
    height, width = size
    total = np.zeros(size, np.float32)
    step = max(size) / 3
    while step >= 1.5:
        cells = (int(height * stretch**0.5 / step) + 2, int(width / stretch**0.5 / step) + 2)
        grid = rng.random(cells, dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(step**decay)
        step /= 2
    low, high = np.quantile(total[::3, ::3], [0.01, 0.99])
    return np.clip((total - low) / (high - low), 0, 1)


def render_scene(seed: int, size: tuple[int, int] = (480, 640)) -> np.ndarray:
    """A rendered image; the kind follows from the seed, so that consecutive seeds vary.

    Args:
        seed: 0 or more.
        size: (height, width), pixels.

    Returns:
        H x W x 3 uint8 RGB; the same bytes for the same seed.
    """
    rng = np.random.default_rng([20011, seed])
    kind = KINDS[seed % len(KINDS)]
    palette = _palette(rng)
    if kind == "landscape":
        image = _landscape(size, palette, rng)
    elif kind == "wall":
        image = _wall(size, palette, rng)
    elif kind == "water":
        image = _blend(palette[0], palette[1], fractal(size, rng, 0.8, rng.uniform(3, 9)))
    else:
        image = _blend(palette[0], palette[1], fractal(size, rng, rng.uniform(0.8, 1.4)))
    fewest, most = {"foliage": (500, 900), "leaves": (60, 200), "wall": (2, 8)}.get(kind, (6, 30))
    _scatter(image, int(rng.integers(fewest, most)), palette, kind == "foliage", rng)
    light = fractal((16, 16), rng, 2.0)
    image *= 0.75 + 0.5 * cv2.resize(light, size[::-1], interpolation=cv2.INTER_CUBIC)[:, :, None]
    return np.clip(image, 0, 255).astype(np.uint8)


def _palette(rng: np.random.Generator) -> np.ndarray:
    """6 x 3 colours of 0..255 around one hue, mostly muted, as one place in one light has."""
    hue, spread = rng.uniform(0, 180), rng.uniform(10, 60)
    hsv = np.stack(
        [
            (hue + rng.normal(0, spread, 6)) % 180,
            np.clip(rng.normal(90, 50, 6), 0, 230),
            np.clip(np.linspace(50, 230, 6) + rng.normal(0, 20, 6), 20, 245),
        ],
        1,
    )
    rgb = cv2.cvtColor(hsv[None].astype(np.uint8), cv2.COLOR_HSV2RGB)[0].astype(np.float32)
    return rgb[rng.permutation(6)]


def _blend(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return a * (1 - weight[:, :, None]) + b * weight[:, :, None]


def _landscape(size: tuple[int, int], palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = size
    clouds = fractal(size, rng, 1.6, 2.0) * np.linspace(0.2, 1, height)[:, None]
    image = _blend(palette[0], np.full(3, 240, np.float32), clouds)
    for layer in range(int(rng.integers(2, 5))):
        line = height * (0.3 + 0.18 * layer) + 0.25 * height * (fractal((1, width), rng, 1.3)[0] - 0.5)
        ground = np.arange(height)[:, None] > line[None]
        colour = palette[layer + 1]
        texture = _blend(colour, colour * 0.5, fractal(size, rng, rng.uniform(0.5, 1.1)))
        image[ground] = texture[ground]
    return image.astype(np.float32)


def _wall(size: tuple[int, int], palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = size
    brick_height = int(rng.integers(14, 50))
    brick_width = int(brick_height * rng.uniform(1.5, 3.5))
    rows, columns = np.mgrid[:height, :width]
    course = rows // brick_height
    shifted = columns + (course % 2) * (brick_width // 2)
    joint = np.minimum(rows % brick_height, shifted % brick_width) < max(2, brick_height // 10)
    shade = rng.uniform(0.7, 1.2, (height // brick_height + 1, (width + brick_width) // brick_width + 1))
    tone = shade[course, shifted // brick_width].astype(np.float32)[:, :, None]
    rough = fractal(size, rng, 0.5)
    image = _blend(palette[0], palette[0] * 0.7, rough) * tone
    image[joint] = _blend(palette[1], palette[1] * 0.8, rough)[joint]
    return image.astype(np.float32)


def _scatter(image: np.ndarray, count: int, palette: np.ndarray, foliage: bool, rng: np.random.Generator) -> None:
    """Draws occluding shapes with shading and texture, from far (small sizes common) to near, in place."""
    height, width = image.shape[:2]
    rough = fractal((height, width), rng, rng.uniform(0.4, 1.0))
    for _ in range(count):
        radius = min(height / 4, 4 * (1 - rng.random()) ** -0.8) if not foliage else rng.uniform(3, 16)
        middle = rng.uniform((0, 0), (width, height))
        corners = 48 if rng.random() < 0.6 or foliage else int(rng.integers(3, 6))
        angle = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, np.pi)
        wave = 1 + rng.uniform(0, 0.3) * np.cos(rng.integers(2, 5) * angle + rng.uniform(0, 6))
        thin, turn = rng.uniform(0.3, 1.0), rng.uniform(0, np.pi)
        points = np.stack([np.cos(angle) * wave, np.sin(angle) * wave * thin], 1) * radius
        points = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + middle
        x, y, w, h = cv2.boundingRect(np.rint(points).astype(np.int32))
        left, top, right, bottom = max(0, x), max(0, y), min(width, x + w), min(height, y + h)
        if right - left < 2 or bottom - top < 2:
            continue
        cover = np.zeros((bottom - top, right - left), np.uint8)
        shifted = np.rint((points - (left, top)) * 16).astype(np.int32)
        cv2.fillPoly(cover, [shifted], 255, lineType=cv2.LINE_AA, shift=4)
        alpha = cover[:, :, None].astype(np.float32) / 255
        colour = palette[rng.integers(len(palette))] * rng.uniform(0.6, 1.25)
        slope = np.linspace(rng.uniform(0.5, 1), rng.uniform(1, 1.4), right - left, dtype=np.float32)
        slope = slope[None, :, None]
        grain = 1 + rng.uniform(0, 0.5) * (rough[top:bottom, left:right, None] - 0.5)
        area = image[top:bottom, left:right]
        area += alpha * (colour * slope * grain - area)
