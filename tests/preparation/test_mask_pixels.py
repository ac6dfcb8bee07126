"""What a mask file marks: by grey level, colour or alpha channel, in every way that masks are stored."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.preparation.mask_options import USUAL, MaskOptions, MaskValues
from constrained_rcnn.preparation.mask_pixels import MaskPixels, read_marked
from constrained_rcnn.utils.errors import UserError

BOX = np.zeros((20, 30), bool)
BOX[5:12, 5:15] = True


def grey(value: int, background: int = 0, dtype=np.uint8) -> np.ndarray:
    return np.where(BOX, value, background).astype(dtype)


def coloured(value, background=(0, 0, 0)) -> np.ndarray:
    return np.where(BOX[:, :, None], np.uint8(value), np.uint8(background))


def palette(colours) -> Image.Image:
    image = Image.fromarray(BOX.astype(np.uint8)).convert("P")
    image.putpalette(bytes(channel for colour in colours for channel in colour))
    image.paste(1, (5, 5, 15, 12))
    return image


def saved(tmp_path, content, name="m.png", **options):
    image = content if isinstance(content, Image.Image) else Image.fromarray(content)
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize(
    "content, values, named",
    [
        (grey(1), "1", "0 (88.3%), 1 (11.7%)"),
        (grey(1), "1-255", "--mask-values 1 "),
        (grey(1, background=2), "1", "2 (88.3%), 1 (11.7%)"),
        (grey(1, dtype=np.uint16), "1", "0 (88.3%), 1 (11.7%)"),
        (grey(255, dtype=np.uint16), "255", "0 (88.3%), 255 (11.7%)"),
        (grey(4095, dtype=np.uint16), "4000-4095", "4095 (11.7%)"),
        (coloured((255, 0, 0)), "#FF0000", "#000000 (88.3%), #ff0000 (11.7%)"),
        (coloured((0, 0, 255)), "#0000ff", "--mask-values '#0000ff'"),
        (coloured((0, 0, 255)), "1-255", "#0000ff (11.7%)"),
        (palette([(0, 0, 0), (128, 0, 0)]), "#800000", "#000000 (88.3%), #800000 (11.7%)"),
        (palette([(0, 0, 0), (1, 1, 1)]), "1", "0 (88.3%), 1 (11.7%)"),
    ],
)
def test_values_are_named_and_can_be_said(tmp_path, content, values, named):
    path = saved(tmp_path, content)
    usual = read_marked(path, USUAL)
    assert not usual.mask.any() and named in usual.pixels.hint() and "--invert" in usual.pixels.hint()
    np.testing.assert_array_equal(read_marked(path, MaskOptions(MaskValues.parse(values))).mask, BOX)
    np.testing.assert_array_equal(read_marked(path, MaskOptions(MaskValues.parse(values), invert=True)).mask, ~BOX)


def test_colours_are_known_again_in_a_jpeg(tmp_path):
    image = np.zeros((64, 64, 3), np.uint8)
    image[16:48, 16:48] = (0, 0, 250)
    path = saved(tmp_path, image, "m.jpg", quality=80, subsampling=0)
    mask = read_marked(path, MaskOptions(MaskValues.parse("#0000ff"))).mask
    assert (mask ^ (image[:, :, 2] > 0)).sum() < 20


def test_several_values_at_once(tmp_path):
    image = coloured((255, 0, 0))
    image[15:18, 20:24] = (0, 255, 0)
    image[0, 0] = 255
    path = saved(tmp_path, image)
    usual = read_marked(path, USUAL)  # green is bright, red is not
    ((_, kind, message),) = usual.remarks
    assert usual.mask.sum() == 12 + 1 and kind == "mask not binary"
    assert "#ff0000 (11.7%), #00ff00 (2.0%) and 1 more" in message and "--mask-values" in message
    assert read_marked(path, MaskOptions(MaskValues.parse("#ff0000, #00ff00"))).mask.sum() == 70 + 12


@pytest.mark.parametrize("colour", [0, 255, 77])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_mask_in_the_alpha_channel(tmp_path, colour, mode):
    image = Image.new("RGBA", (30, 20), (colour,) * 3)
    image.putalpha(Image.fromarray(BOX))
    path = saved(tmp_path, image.convert(mode))
    marked = read_marked(path, USUAL)
    np.testing.assert_array_equal(marked.mask, BOX)
    assert [remark[:2] for remark in marked.remarks] == [("repaired", "mask in alpha")]
    np.testing.assert_array_equal(read_marked(path, MaskOptions(invert=True)).mask, ~BOX)
    np.testing.assert_array_equal(read_marked(path, USUAL, dark=True).mask, ~BOX)
    np.testing.assert_array_equal(read_marked(path, MaskOptions(MaskValues.parse("1-255"))).mask, BOX)


def test_colours_that_say_something_go_before_alpha(tmp_path):
    image = Image.fromarray(coloured((255, 255, 255))).convert("RGBA")
    image.putalpha(Image.fromarray(np.roll(BOX, 5)))
    path = saved(tmp_path, image)
    np.testing.assert_array_equal(read_marked(path, USUAL).mask, BOX)
    np.testing.assert_array_equal(read_marked(path, MaskOptions(MaskValues.parse("alpha"))).mask, np.roll(BOX, 5))


def test_alpha_is_turned_as_the_colours_are(tmp_path):
    image, exif = Image.new("RGBA", (30, 20), (255, 255, 255)), Image.Exif()
    image.putalpha(Image.fromarray(BOX))
    exif[0x0112] = 6
    np.testing.assert_array_equal(read_marked(saved(tmp_path, image, exif=exif), USUAL).mask, np.rot90(BOX, 3))


def test_an_even_alpha_channel_is_none(tmp_path):
    path = saved(tmp_path, Image.fromarray(grey(255)).convert("LA"))
    assert MaskPixels.read(path).alpha is None
    with pytest.raises(UserError, match="m.png: --mask-values alpha: it has no alpha channel"):
        read_marked(path, MaskOptions(MaskValues.parse("alpha")))


@pytest.mark.parametrize("text", ["", "red", "1,,2", "#ff00", "1-2-3", "-1"])
def test_values_of_no_form(text):
    with pytest.raises(UserError, match="--mask-values.*neither a grey level"):
        MaskValues.parse(text)
