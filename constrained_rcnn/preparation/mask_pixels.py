"""The pixels of a mask file, and which of them it marks: by grey level, colour or alpha channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..images.reading import FORMATS, read_grey, read_header, read_image
from ..utils.errors import UserError
from .findings import NOTED, REPAIRED
from .mask_options import COLOUR_TOLERANCE, MaskOptions, MaskValues

#: So many values of a mask are named in a message.
NAMED = 4
#: Values of fewer pixels than this share are a JPEG's noise, or an edge's: not named.
NAMED_SHARE = 0.002


@dataclass(frozen=True)
class MaskPixels:
    """A mask as it is stored, upright.

    Attributes:
        grey: (H, W) uint8, the luma of colours, the high byte of 16 bits.
        stored: (H, W) ints where more than 8 bits of grey are stored, else ``grey`` itself.
        colour: (H, W, 3) uint8 RGB; None where all is grey.
        alpha: (H, W) uint8, 255 is opaque; None where there is none or it is the same everywhere.
    """

    grey: np.ndarray
    stored: np.ndarray
    colour: np.ndarray | None = None
    alpha: np.ndarray | None = None

    @classmethod
    def read(cls, path: Path) -> MaskPixels:
        """Reads a file. Raises UserError as ``images.reading.read_image`` does."""
        header = read_header(path)
        grey, colour = read_grey(path), None
        if header.mode not in ("1", "L", "LA", "La") and not header.mode.startswith("I"):
            colour = read_image(path, "RGB")
            if np.array_equal(colour[:, :, 0], colour[:, :, 1]) and np.array_equal(colour[:, :, 1], colour[:, :, 2]):
                colour = None
        stored, alpha = grey, None
        if header.deep or header.mode not in ("1", "L", "RGB"):
            levels, alpha = _as_stored(path)
            if levels is not None and levels.shape == grey.shape:
                stored, grey = levels, (levels.astype(np.int32) >> 8).astype(np.uint8)
            alpha = alpha if alpha is not None and alpha.shape == grey.shape and np.ptp(alpha) else None
        return cls(grey, stored, colour, alpha)

    @property
    def uniform(self) -> bool:
        """Whether all pixels are alike, but for their alpha."""
        return not np.ptp(self.stored) if self.colour is None else bool((self.colour == self.colour[0, 0]).all())

    def values(self) -> list[tuple[str, float]]:
        """(value, share of the pixels), the most frequent first: a grey level as stored, or a colour (#rrggbb)."""
        if self.colour is None:
            distinct, counts = np.unique(self.stored, return_counts=True)
            names = [str(int(value)) for value in distinct]
        else:
            red, green, blue = (self.colour[:, :, channel].astype(np.uint32) for channel in range(3))
            distinct, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
            names = [f"#{int(value):06x}" for value in distinct]
        order = np.argsort(-counts, kind="stable")
        return [(names[index], float(counts[index] / self.grey.size)) for index in order]

    def described(self) -> str:
        """The most frequent values in words, each with its share."""
        values = self.values()
        shown = [value for value in values if value[1] >= NAMED_SHARE][:NAMED] or values[:1]
        text = ", ".join(f"{name} ({share:.1%})" for name, share in shown)
        rest = len(values) - len(shown)
        return text + (f" and {rest} more" if rest else "")

    def example(self) -> str | None:
        """A value that may be the one which marks: the most frequent one after the background's."""
        values = [name for name, _ in self.values()]
        if len(values) > 1:
            return f"'{values[1]}'" if self.colour is not None else values[1]
        return "alpha" if self.alpha is not None else None

    def hint(self) -> str:
        """What the mask holds and which option takes it, as the end of a message."""
        if self.example() is None:
            return f"all of it is {self.described()}"
        return (
            f"its values are {self.described()}{', and it has an alpha channel' if self.alpha is not None else ''}; "
            f"say which mean manipulated: --mask-values {self.example()} (or --invert)"
        )


@dataclass(frozen=True)
class Marked:
    """What a mask marks: ``mask`` (H, W) bool, the pixels it was read from, the rule in words, and remarks."""

    mask: np.ndarray
    pixels: MaskPixels
    rule: str
    remarks: tuple[tuple[str, str, str], ...] = ()


def read_marked(path: Path, options: MaskOptions, *, dark: bool = False) -> Marked:
    """Reads a mask and marks what is manipulated, by the values that were given or else by grey.

    Args:
        path: the mask.
        options: see there; ``fit`` is not used here.
        dark: the rule is grey <= 127 instead of grey > 127.

    Raises:
        UserError: not readable, or without the alpha channel that ``options`` ask for.
    """
    pixels = MaskPixels.read(path)
    remarks = []
    if pixels.alpha is not None and pixels.uniform:  # whatever the values: of its colours they take all or nothing
        mask, rule = (pixels.alpha <= 127, "transparent") if dark else (pixels.alpha > 127, "opaque")
        message = f"{path.name}: its colours are all alike; what is {rule} in its alpha channel counts"
        remarks.append((REPAIRED, "mask in alpha", message))
    elif options.values:
        mask, rule = _of_values(path, pixels, options.values), f"of the values {options.values.text}"
    else:
        mask = pixels.grey <= 127 if dark else pixels.grey > 127
        rule = "at grey 127 or below" if dark else "above grey 127"
        between = int(np.count_nonzero((pixels.grey != 0) & (pixels.grey != 255)))
        if between:
            message = f"{path.name}: {between} of {mask.size} pixels are neither 0 nor 255; what is {rule} counts"
            if pixels.colour is not None or len(np.unique(pixels.grey)) <= NAMED:
                message += f", of {pixels.described()}; --mask-values says otherwise"
            remarks.append((NOTED, "mask not binary", message))
    if options.invert:
        mask, rule = ~mask, f"not {rule}"
    return Marked(mask, pixels, rule, tuple(remarks))


def _of_values(path: Path, pixels: MaskPixels, values: MaskValues) -> np.ndarray:
    mask = np.zeros(pixels.grey.shape, bool)
    if values.alpha:
        if pixels.alpha is None:
            raise UserError(f"{path}: --mask-values {values.text}: it has no alpha channel, or one that is even")
        mask |= pixels.alpha > 127
    for low, high in values.levels:
        mask |= (pixels.stored >= low) & (pixels.stored <= high)
    for colour in values.colours:
        channels = np.repeat(pixels.grey[:, :, None], 3, axis=2) if pixels.colour is None else pixels.colour
        target = np.array(colour, np.uint8)
        # Not below 0: uint8 would wrap.
        distance = np.maximum(channels, target) - np.minimum(channels, target)
        mask |= distance.max(axis=2) <= COLOUR_TOLERANCE
    return mask


def _as_stored(path: Path) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(deep grey levels, alpha channel) of a file that ``images.reading`` has read; None for what it does not have."""
    with Image.open(path, formats=FORMATS) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):
            return np.asarray(image), None
        if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
            return None, np.asarray(image.convert("RGBA").getchannel("A"))
    return None, None
