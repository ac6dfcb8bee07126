"""From an opened image to upright 8-bit pixels by blocks, and what that changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image

from .depth import Depth
from .icc import fits, is_srgb, profile_name
from .opening import Opened
from .structure import png_has_late_metadata

#: Pixels that are converted at a time, so that copies on the way stay small.
BLOCK = 1 << 18

#: What a PNG names as its gamma where it is that of sRGB.
_GAMMA = 1 / 2.2

#: EXIF orientation -> the turn that makes the image upright (EXIF 2.3, tag 0x0112).
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Turns that swap height and width.
SIDEWAYS = frozenset(UPRIGHT[value] for value in (5, 6, 7, 8))


def orientation_of(opened: Opened) -> tuple[int, Image.Transpose | None]:
    """(EXIF value, turn still to be done). Call it before the pixels are loaded."""
    image = opened.image
    try:
        # Pillow decodes a PNG in search of EXIF behind the pixels; its base class reads what stands before
        # them.
        file = getattr(image, "fp", None)
        early = image.format == "PNG" and file is not None and not png_has_late_metadata(file)
        exif = Image.Image.getexif(image) if early else image.getexif()
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block hides the tag, not the image
        value = 1
    if value not in range(1, 9):
        value = 1
    # Pillow turns TIFF files itself while loading, and gives their upright size before.
    return value, None if image.format == "TIFF" else UPRIGHT.get(value)


def blocks(image: Image.Image) -> Iterator[tuple[int, int, Image.Image]]:
    """(top, left, part) each: Pillow's and NumPy's copies of a whole image would add up to twice its size."""
    columns = min(image.width, BLOCK)
    rows = max(1, BLOCK // columns)
    for top in range(0, image.height, rows):
        for left in range(0, image.width, columns):
            yield top, left, image.crop((left, top, min(image.width, left + columns), min(image.height, top + rows)))


def pixels_of(opened: Opened, mode: str, *, reverse: bool = False, scale: bool = False) -> np.ndarray:
    """Decodes an image and adds to ``one.changes`` what that meant.

    Args:
        opened: from :func:`.opening.opened`.
        mode: "RGB" or "L".
        reverse: BGR instead of RGB.
        scale: find fewer bits stored in 16 and scale them; else the high byte counts.

    Returns:
        (H, W, 3) or (H, W) uint8, upright, C-contiguous.
    """
    image = opened.image
    value, turn = orientation_of(opened)
    if value != 1 and (turn is not None or image.format == "TIFF"):
        opened.changes["turned"] = f"turned upright by its orientation tag {value}"
    depth = Depth.of(opened)
    image.load()
    depth.look(opened, blocks, scale=scale)
    width, height = image.size
    upright = (width, height) if turn in SIDEWAYS else (height, width)
    pixels = np.empty(upright if mode == "L" else (*upright, 3), np.uint8)
    stored = _as_stored(pixels, turn)
    transparent = 0
    for top, left, block in blocks(image):
        block = depth.reduce(block, left, top)
        if block.mode == "P" or "transparency" in block.info:
            # Through RGBA, or Pillow warns of transparent palettes; the colours are the same.
            block = block.convert("RGBA")
        if block.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
            transparent += int(np.count_nonzero(np.asarray(block.getchannel(block.mode[-1])) < 255))
        values = np.asarray(block.convert(mode))
        stored[top : top + block.height, left : left + block.width] = values[:, :, ::-1] if reverse else values
    opened.changes |= {
        **depth.changes(),
        **_colour_space(opened),
        **_colours(image, transparent / (width * height), depth.grey),
    }
    return pixels


def _as_stored(upright: np.ndarray, turn: Image.Transpose | None) -> np.ndarray:
    """A view of upright pixels in the order of the file, whose pixels ``turn`` makes upright."""
    flipped = {
        Image.Transpose.FLIP_LEFT_RIGHT: upright[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: upright[::-1],
        Image.Transpose.ROTATE_180: upright[::-1, ::-1],
        Image.Transpose.TRANSPOSE: upright.swapaxes(0, 1),
        Image.Transpose.TRANSVERSE: upright[::-1, ::-1].swapaxes(0, 1),
        Image.Transpose.ROTATE_270: np.rot90(upright),
        Image.Transpose.ROTATE_90: np.rot90(upright, -1),
    }
    return upright if turn is None else flipped.get(turn, upright)


def _colour_space(opened: Opened) -> dict[str, str]:
    """Names what else than sRGB the file says of its colours, and keeps the profile for what people are shown."""
    image = opened.image
    profile = image.info.get("icc_profile")
    if profile:
        applies = fits(profile, image.mode)
        if applies and is_srgb(profile):
            return {}
        opened.profile = profile if applies else b""
        name = f"colour profile {profile_name(profile)}"
        if image.mode in ("CMYK", "LAB", "YCbCr"):  # see what becomes of its colours
            return {"colour_profile": f"{name}: not applied"}
    elif _is_adobe_rgb(image):
        name = "colour space Adobe RGB (EXIF)"
    elif image.format == "PNG" and "srgb" not in image.info and abs(image.info.get("gamma", _GAMMA) - _GAMMA) > 0.02:
        name = f"gamma {image.info['gamma']:.2f} (PNG)"
    else:
        return {}
    return {"colour_profile": f"{name}: pixels are taken as they are stored"}


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Whether a camera says so by EXIF alone (DCF 2.0: the index of interoperability is R03)."""
    try:
        exif = image.getexif()
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1, "")
        return str(index).startswith("R03") or exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace) == 2
    except Exception:  # a broken EXIF block says nothing
        return False


def _colours(image: Image.Image, transparent: float, grey: bool) -> dict[str, str]:
    """What became of colours; ``transparent``: share of the pixels that are not opaque; ``grey``: whatever the mode."""
    changes = {}
    if transparent:
        share = f"{100 * transparent:.0f}%" if transparent >= 0.01 else "under 1%"
        changes["transparency"] = f"transparency (alpha) in {share} of the image flattened to the colours stored there"
    if image.mode in ("P", "PA"):
        changes["palette"] = "palette replaced by its colours"
    elif image.mode == "1":
        changes["grey"] = "black and white repeated over three channels"
    elif grey or image.mode in ("L", "LA", "La") or image.mode.startswith("I"):
        changes["grey"] = "grey repeated over three channels"
    elif image.mode == "CMYK":
        changes["cmyk"] = "CMYK converted to RGB by Pillow's plain formula"
    elif not image.mode.startswith("RGB"):
        changes["colours"] = f"{image.mode} converted to RGB"
    return changes
