"""How forgeries are made: every probability and range of the generator, in one frozen record per preset.

Why ``camera``, whose values the fields default to, is what it is. The noise LEVEL of most forged regions is
matched to the image's, so that error-level analysis and local noise variance find next to nothing (pixel AUC
0.45 to 0.57 on photos of BSDS500 and on the demo's).
What gives a region away is the texture of its noise: demosaicing correlates sensor noise between neighbours
and channels, resampling correlates it differently, inpainting has none, and fresh grain is white. A linear
classifier on local means of absolute high-pass residuals finds that with an AUC of about 0.9 from 100 images
of other photos, a small convolutional network trained for a few minutes likewise. The noise decides how fast:
with 3 to 6 instead of 4 to 8 levels that AUC is 0.87 instead of 0.93. JPEG quantisation wipes the texture out
from below about quality 95, hence the mostly lossless files: a network finds these forgeries after minutes.

``careful``, the default of the generator, is the hard case. Most photos keep the history they came with, so
that nothing a simulation leaves behind gives them away; JPEG covers the rest, often twice.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ..utils.errors import UserError
from .editing import Editing, Range

if TYPE_CHECKING:  # commands show their help before NumPy could be loaded
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Preset:
    """Distribution of forgeries. Ranges are (low, high); shares are probabilities in [0, 1].

    Attributes:
        name: what ``--preset`` takes.
        recipe: "camera": the pipeline of ``generate``; "rgbn": that of ``rgbn``, which of all that follows
            uses ``area`` and ``segments`` only; "people": that of ``people``, which uses ``editing``, ``regions``
            and the histories of photos (``own_history`` to ``donor_jpeg``).
        area: forged area as a share of the image; drawn log-uniformly, so that small ones are common.
        regions: probabilities of 1, 2, ... forged regions in one image.
        noise: sensor noise, standard deviation in grey levels (0..255) at middle grey BEFORE demosaicing,
            drawn log-uniformly. 4 to 8 (about 2.5 to 5 after it) is a phone indoors, at ISO 800 to 3200.
        own_history: share of photos, background and donors alike, that keep the history they came with at their own
            scale; the others go through a simulated camera, and ``noise`` to ``donor_resized`` apply to them.
        edge_aware: share of cameras with an edge-aware demosaicing; the others interpolate bilinearly.
        camera_jpeg: share of photos that the camera itself stores as JPEG, and its qualities.
        background_resized: share of backgrounds that were resized after capture, and the factors.
        donor_resized: share of donors that were resized after capture; the factor is drawn from one of the
            ranges.
        donor_jpeg: share of donors that were recompressed afterwards (on a grid of their own), and the
            qualities.
        scale_down, scale_up: factors of a pasted region's resampling, and ``rotation`` its angles in degrees.
        moved_unchanged: share of copy-moves by a plain shift, without any resampling.
        spliced_unchanged: share of splices whose object is pasted at its own size and angle.
        matched_colour: share of splices whose colours are pulled towards the surroundings.
        matched_grain: share of forgeries whose noise LEVEL is matched to the rest of the image, as a careful
            person does. What remains to be found is the noise's texture, not its amount.
        degrained: share of these by degraining and regraining; the others add or soften what differs.
        colour_grain: share of added grain that is independent in R, G and B; the other is grey.
        feathered, poisson: share of soft and of gradient-domain edges; the others are hard.
        segments: share of regions that follow the image's own segments; the others are smooth random shapes.
            Objects of annotations, where a photo has any, go before all of these.
        object_like: share of regions (before ``segments`` is asked) that are compact segments standing apart
            from their surroundings, their outline refined by GrabCut.
        geometric: share of regions (before all but annotated ones) that are rectangles and ellipses, as selection
            tools draw them.
        diffused: largest removal, as a share of the image, that is filled by diffusion: it smears wide holes
            visibly, which nobody would leave; larger ones are filled by patches.
        averaged: shifted copies that a filling by patches averages; 1 is a clone stamp.
        cloned: share of fillings by patches whose border is blended in the gradient domain, as a healing brush
            does.
        places: free places that are compared for a pasted region.
        texture: how much a place suffers from texture unlike the region's, see ``find_place``.
        first_jpeg: share of forgeries that were stored as JPEG once before the final file, and the qualities.
        lossless: share of final files stored as PNG; the others are JPEG of a quality in ``final_jpeg``.
        editing: of the recipe "people", else None.
    """

    name: str
    recipe: str = "camera"
    area: Range = (0.04, 0.22)
    regions: tuple[float, ...] = (0.8, 0.2)
    noise: Range = (4.0, 8.0)
    own_history: float = 0.0
    edge_aware: float = 0.5
    camera_jpeg: tuple[float, Range] = (0.2, (97, 100))
    background_resized: tuple[float, Range] = (0.0, (0.5, 0.9))
    donor_resized: tuple[float, tuple[Range, ...]] = (0.7, ((0.5, 0.8), (1.25, 2.0)))
    donor_jpeg: tuple[float, Range] = (0.5, (65, 92))
    scale_down: Range = (0.6, 0.85)
    scale_up: Range = (1.15, 1.6)
    rotation: Range = (5.0, 45.0)
    moved_unchanged: float = 0.05
    spliced_unchanged: float = 0.3
    matched_colour: float = 0.6
    matched_grain: float = 0.9
    degrained: float = 0.7
    colour_grain: float = 0.5
    feathered: float = 0.5
    poisson: float = 0.15
    segments: float = 0.5
    object_like: float = 0.0
    geometric: float = 0.0
    diffused: float = 0.06
    averaged: int = 3
    cloned: float = 0.0
    places: int = 6
    texture: float = 0.0
    first_jpeg: tuple[float, Range] = (0.0, (85, 100))
    lossless: float = 0.8
    final_jpeg: Range = (96, 100)
    editing: Editing | None = None

    def require_editing(self) -> Editing:
        """``editing``; raises UserError for a preset that has none."""
        if self.editing is None:
            raise UserError(f"preset {self.name}: is not of the recipe people, which this needs")
        return self.editing

    @property
    def covered(self) -> Range:
        """Least and largest forged area of an image as a share of it; a draw outside is repeated."""
        return self.editing.covered if self.editing else (0.02, 0.25)

    def as_dict(self) -> dict:
        """All values as plain JSON, ``editing`` where there is one."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value is not None}


#: ``camera``: backgrounds straight from a camera and files of high quality, as a forger works on his own
#: photo. ``web``: backgrounds that were resized and recompressed before and after, as images that went
#: around. ``careful``: what a person makes of any images; objects with fine outlines (or rectangles and
#: ellipses), put where they fit, edges softened, colours and noise level often matched, both photos with the history
#: they came with, saved as JPEG once or twice.
#: ``people``: every kind of region, edge, colour, filling and retouching that people make, and what networks and
#: messengers do to the whole image afterwards (``editing``); for training.
#: ``rgbn``: the recipe of RGB-N's synthetic set, for the paper's first stage.
PRESETS = {
    "camera": Preset("camera"),
    "web": Preset(
        "web",
        camera_jpeg=(0.9, (85, 98)),
        background_resized=(0.7, (0.4, 0.9)),
        noise=(1.5, 5.0),
        degrained=0.3,
        moved_unchanged=0.3,
        spliced_unchanged=0.5,
        matched_grain=0.5,
        lossless=0.15,
        final_jpeg=(75, 95),
    ),
    "careful": Preset(
        "careful",
        area=(0.02, 0.2),
        noise=(1.0, 4.0),
        own_history=0.7,
        camera_jpeg=(0.9, (88, 98)),
        background_resized=(0.6, (0.4, 0.9)),
        donor_resized=(0.6, ((0.4, 0.9),)),
        donor_jpeg=(0.2, (85, 97)),
        scale_down=(0.5, 0.95),
        scale_up=(1.05, 1.5),
        rotation=(1.0, 20.0),
        moved_unchanged=0.4,
        spliced_unchanged=0.4,
        matched_colour=0.6,
        matched_grain=0.2,
        degrained=0.2,
        feathered=0.6,
        poisson=0.05,
        segments=0.8,
        object_like=0.8,
        geometric=0.15,
        diffused=0.01,
        averaged=1,
        cloned=0.6,
        places=15,
        texture=1.0,
        first_jpeg=(0.6, (85, 100)),
        lossless=0.05,
        final_jpeg=(75, 97),
    ),
    "people": Preset(
        "people",
        recipe="people",
        editing=Editing(),
        regions=(0.62, 0.22, 0.1, 0.06),
        noise=(1.0, 4.0),
        own_history=0.7,
        camera_jpeg=(0.8, (85, 99)),
        donor_jpeg=(0.3, (60, 98)),
        background_resized=(0.4, (0.4, 0.9)),
        degrained=0.3,
        object_like=0.8,
    ),
    "rgbn": Preset("rgbn", recipe="rgbn", area=(0.005, 0.5), segments=1.0, object_like=1.0),
}
DEFAULT_PRESET = "careful"
#: Height and width of forgeries, pixels.
DEFAULT_SIZE = (256, 320)


def get_preset(name: str | Preset) -> Preset:
    """Looks a preset up by name; a ``Preset`` is returned as it is.

    Raises:
        UserError: there is none of that name.
    """
    if isinstance(name, Preset):
        return name
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def draw_quality(rng: np.random.Generator, low_high: Range) -> int:
    """Draws a JPEG quality from (low, high), both included, evenly."""
    return int(rng.integers(int(low_high[0]), int(low_high[1]) + 1))


def log_uniform(rng: np.random.Generator, low_high: Range) -> float:
    """Draws from (low, high), both > 0, evenly in the logarithm."""
    low, high = low_high
    return float(low * (high / low) ** rng.random())
