"""Colour profiles: named, never applied to what the network sees, applied to what people see."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from constrained_rcnn.images import icc
from constrained_rcnn.images.reading import load_image
from tests.helpers.colour_profiles import ADOBE_RGB, DISPLAY_P3, PROPHOTO, cmyk_profile, grey_profile, rgb_profile

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB_PRIMARIES = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), (0.3127, 0.3290))
PROFILES = {
    "Display P3": rgb_profile("Display P3", *DISPLAY_P3),
    "Adobe RGB (1998)": rgb_profile("Adobe RGB (1998)", *ADOBE_RGB),
    "ProPhoto RGB": rgb_profile("ProPhoto RGB", *PROPHOTO),
    "sRGB, but linear": rgb_profile("sRGB, but linear", SRGB_PRIMARIES, 1.0),
}
RGB = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


def stored(image, kind="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_the_networks_pixels_are_those_stored(name, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels, reading = load_image(stored(RGB, kind, icc_profile=PROFILES[name], **options), "RGB")
    assert np.array_equal(pixels, RGB)
    assert reading.changes == {"colour_profile": f"colour profile {name}: pixels are taken as they are stored"}
    assert reading.profile == PROFILES[name] and "profile" not in reading.to_json()


def test_what_looks_like_srgb_is_not_told_whatever_its_name():
    for profile in (SRGB, SRGB.replace(b"s\0R\0G\0B", b"t\0i\0n\0y")):
        reading = load_image(stored(RGB, icc_profile=profile)).reading
        assert reading.changes == {} and reading.profile == b""


def test_people_are_shown_the_colours_that_were_meant():
    green = np.zeros((1, 1, 3), np.uint8)
    green[..., 1] = 200
    wide = icc.to_srgb(green, PROFILES["Adobe RGB (1998)"])
    assert wide[0, 0, 1] >= 200 and wide.dtype == np.uint8
    # The standard's own formulas, for a colour inside of both spaces.
    soft = np.array([[[100, 140, 120]]], np.uint8)  # BGR
    expected = _to_srgb(soft[0, 0, ::-1] / 255, *DISPLAY_P3)[::-1]
    assert np.abs(icc.to_srgb(soft, PROFILES["Display P3"])[0, 0] - 255 * expected).max() <= 2
    assert np.array_equal(icc.to_srgb(RGB, b""), RGB)
    assert np.abs(icc.to_srgb(RGB, SRGB).astype(int) - RGB).max() <= 1


def _to_srgb(rgb, chromaticities, exponent):
    def to_xyz(points):
        *primaries, white = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in points)
        matrix = np.stack(primaries, axis=1)
        return matrix * np.linalg.solve(matrix, white)

    linear = np.linalg.solve(to_xyz(SRGB_PRIMARIES), to_xyz(chromaticities) @ np.asarray(rgb) ** exponent)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_grey_profiles():
    grey = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    profile = grey_profile("Grey of gamma 1.8", 1.8)
    pixels, reading = load_image(stored(grey, icc_profile=profile))
    assert np.array_equal(pixels[:, :, 0], grey)
    assert "Grey of gamma 1.8: pixels are taken as they are stored" in reading.changes["colour_profile"]
    shown = icc.to_srgb(pixels, reading.profile)
    assert np.all(np.ptp(shown.astype(int), axis=2) <= 1) and shown[0, 100, 0] > 100 + 3


@pytest.mark.parametrize("profile", [cmyk_profile("Newsprint"), PROFILES["Display P3"], grey_profile("Grey", 1.8)])
def test_a_profile_of_another_space_is_told_and_applied_to_nobodys_eyes(profile):
    image = Image.fromarray(RGB).convert("CMYK")
    pixels, reading = load_image(stored(image, "TIFF", icc_profile=profile), "RGB")
    assert np.array_equal(pixels, np.asarray(image.convert("RGB")))
    assert reading.changes.keys() == {"cmyk", "colour_profile"} and reading.profile == b""
    assert reading.changes["colour_profile"].endswith(": not applied")


def test_damaged_and_huge_profiles_cost_nothing(monkeypatch):
    profile = PROFILES["Display P3"]
    random = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(profile)
        for position in random.integers(0, len(data), 8):
            data[position] = random.integers(256)
        data = bytes(data[: random.integers(1, len(data))])
        assert icc.to_srgb(RGB, data).shape == RGB.shape and icc.is_srgb(data) in (True, False)
    monkeypatch.setattr(icc, "_LARGEST", len(profile) - 1)
    assert np.array_equal(icc.to_srgb(RGB, profile), RGB)
    reading = load_image(stored(RGB, icc_profile=profile)).reading
    assert "Display P3" in reading.changes["colour_profile"]


def test_colour_spaces_that_are_told_in_other_ways():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    notes = load_image(stored(RGB, "JPEG", exif=exif)).reading.changes
    assert notes == {"colour_profile": "colour space Adobe RGB (EXIF): pixels are taken as they are stored"}
    for gamma, changes in ((1.0, {"colour_profile"}), (0.45455, set())):
        chunk = PngImagePlugin.PngInfo()
        chunk.add(b"gAMA", round(gamma * 100_000).to_bytes(4, "big"))
        assert load_image(stored(RGB, pnginfo=chunk)).reading.changes.keys() == changes
