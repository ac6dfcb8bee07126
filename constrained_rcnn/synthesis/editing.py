"""How people edit: every probability and range of the recipe "people", in one frozen record."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands show their help before NumPy could be loaded
    import numpy as np


Range = tuple[float, float]
#: Kinds and how often each is drawn; the shares add up to 1.
Shares = tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True)
class Editing:
    """Distribution of what hands do to a photo and of what happens to the result on its way.

    Lengths in pixels are those of the photo that was edited, before the journey makes it smaller.

    Attributes:
        covered: least and largest forged area of the result as a share of the image; a draw outside is repeated.
        objects: share of regions made of annotated objects where a photo has any that can be seen.
        selections: kinds of regions otherwise: "object" (a compact segment refined by GrabCut), "wand" (connected
            pixels of like colour), "lasso" (a hand-drawn line around such), "rectangle", "ellipse", "brush".
        again: share of further copies in an image that copy what was copied before.
        unchanged: share of pasted regions that keep their size and angle.
        scale: factors by which the others are resized, drawn log-uniformly; ``angle`` in degrees, ``turned`` the
            share that is turned as well, ``mirrored`` the share that is mirrored.
        beyond: share of pasted regions that may reach over the image's border by up to half; the others do so by
            a tenth at most.
        behind: share of splices that replace what is BEHIND or around something: a segment of the photo itself (sky,
            wall, all but an object) is filled with another photo.
        lettered: share of splices that are pasted text, and ``erased`` share of removals of text.
        retouched: share of removals that are retouching.
        retouches: kinds of retouching.
        fillings: ways to fill the region of any other removal.
        filled: largest removal that is filled, as a share of the image; beyond it only retouching is plausible.
        colours: what happens to the colours of a pasted region.
        edges: kinds of edges, and ``ramp`` widths of feathered ones in pixels.
        poisson: largest region with a gradient-domain edge, as a share of the image.
        grain: share of pasted regions whose noise level is matched.
        raw: share of images by people who develop raw files: all photos go through a simulated camera, nothing is JPEG
            before the final file, and that is PNG or JPEG of high quality.
        background_jpeg: share of photos that were saved as JPEG once more before they were edited, and the qualities.
        longest: photos with a longer side are reduced to it before they serve as donors, pixels.
        resized: share of results that are resized, ``reduction`` the least factor.
        saved: share of results that are saved as JPEG at their own size before anything else happens to them.
        sharpened, contrasted, saturated: shares of results that are sharpened, changed in contrast or saturation.
        first_jpeg: share of results that are saved as JPEG once more before the final file.
        png: share of final files that are PNG.
        dense: share of JPEGs with full chroma resolution.
        quality: of all these JPEGs. High ones are more common.
    """

    covered: Range = (0.01, 0.6)
    objects: float = 0.75
    selections: Shares = (
        ("object", 0.2), ("wand", 0.2), ("lasso", 0.28), ("brush", 0.14), ("rectangle", 0.09), ("ellipse", 0.09),
    )  # fmt: skip
    again: float = 0.5
    unchanged: float = 0.35
    scale: Range = (0.3, 2.0)
    angle: Range = (1.0, 30.0)
    turned: float = 0.35
    mirrored: float = 0.2
    beyond: float = 0.4
    behind: float = 0.15
    lettered: float = 0.08
    erased: float = 0.12
    retouched: float = 0.3
    retouches: Shares = (("blur", 0.25), ("smooth", 0.25), ("airbrush", 0.2), ("sharpen", 0.1), ("colour", 0.2))
    fillings: Shares = (("patches", 0.45), ("diffusion", 0.15), ("stamp", 0.4))
    filled: float = 0.3
    colours: Shares = (("none", 0.4), ("matched", 0.3), ("shifted", 0.3))
    edges: Shares = (("hard", 0.2), ("antialiased", 0.25), ("feathered", 0.3), ("matting", 0.17), ("poisson", 0.08))
    ramp: Range = (2.0, 8.0)
    poisson: float = 0.25
    grain: float = 0.1
    raw: float = 0.08
    background_jpeg: tuple[float, Range] = (0.3, (60, 98))
    longest: int = 1024
    resized: float = 0.6
    reduction: float = 0.4
    saved: float = 0.3
    sharpened: float = 0.15
    contrasted: float = 0.15
    saturated: float = 0.1
    first_jpeg: float = 0.4
    png: float = 0.12
    dense: float = 0.4
    quality: Range = (60, 98)


def draw_kind(shares: Shares, rng: np.random.Generator) -> str:
    """One of the kinds, as often as its share says."""
    names, odds = zip(*shares)
    return names[rng.choice(len(names), p=odds)]
