"""One forgery at a time: what is forged, where, and that nothing else tells it from its counterpart."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.synthesis import PRESETS, get_preset, synthesize
from constrained_rcnn.synthesis.camera import History, capture, recompress
from constrained_rcnn.synthesis.compositing import blend, grain_level, match_grain, warp_region
from constrained_rcnn.synthesis.regions import Segments, smooth_shape
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError

SIZE = (160, 200)
PLAIN = dataclasses.replace(get_preset("camera"), degrained=0.0)
PHOTOS = [render_scene(seed, (240, 320)) for seed in range(4)]


def _forge(seed, **options):
    return synthesize(PHOTOS, np.random.default_rng(seed), size=SIZE, **options)


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("preset", [name for name in PRESETS if PRESETS[name].recipe == "camera"])
def test_mask_is_where_pixels_differ(technique, preset):
    for seed in range(4):
        forgery = _forge(seed, techniques=[technique], preset=preset)
        differ = (forgery.before != forgery.authentic_before).any(2)
        assert not (differ & ~forgery.mask).any()
        # Inside, a pixel may keep its value by chance (a copy of a dark sky); most do not.
        assert differ[forgery.mask].mean() > 0.6
        assert 0.02 <= forgery.mask.mean() <= 0.25
        assert forgery.mask.shape == SIZE and forgery.image.shape == (*SIZE, 3)
        assert {name for name, _ in forgery.regions} == {technique} and forgery.technique == technique
        overlap = np.sum([mask for _, mask in forgery.regions], axis=0)
        assert overlap.max() == 1 and (overlap.astype(bool) == forgery.mask).all()


def test_several_regions_in_some_images():
    preset = dataclasses.replace(get_preset("camera"), regions=(0.0, 1.0))
    assert len(_forge(0, preset=preset).regions) == 2


def test_copy_does_not_overlap_its_source():
    options = dict.fromkeys(("matched_grain", "feathered", "poisson"), 0.0)
    plain = dataclasses.replace(get_preset("camera"), moved_unchanged=1.0, regions=(1.0,), **options)
    for seed in range(6):
        forgery = _forge(seed, techniques=["copy-move"], preset=plain)
        x, y, w, h = forgery.description["steps"][0]["source_box"]
        rows, columns = np.nonzero(forgery.mask)
        # The pasted pixels are the source's, so that looking them up at the shift finds them, outside of the
        # mask.
        boxes = [
            (top, left)
            for top in range(y - rows.min() - h, y - rows.min() + h + 1)
            for left in range(x - columns.min() - w, x - columns.min() + w + 1)
        ]
        shifts = [s for s in boxes if _matches(forgery, rows, columns, s)]
        assert shifts, "the copied pixels are nowhere"
        top, left = shifts[0]
        assert not forgery.mask[rows + top, columns + left].any()


def _matches(forgery, rows, columns, shift):
    source_pixels = rows + shift[0], columns + shift[1]
    if (
        min(source_pixels[0].min(), source_pixels[1].min()) < 0
        or source_pixels[0].max() >= SIZE[0]
        or source_pixels[1].max() >= SIZE[1]
    ):
        return False
    probe = slice(None, None, max(1, len(rows) // 20))
    source = forgery.authentic_before[source_pixels[0][probe], source_pixels[1][probe]]
    return bool((forgery.before[rows[probe], columns[probe]] == source).all())


def test_counterpart_has_the_same_file_properties():
    suffixes = set()
    for seed in range(12):
        forgery = _forge(seed, preset="camera")
        pair = [Image.open(io.BytesIO(data)) for data in (forgery.file, forgery.authentic_file)]
        for key in ("format", "size", "mode", "info"):
            assert getattr(pair[0], key) == getattr(pair[1], key)
        if forgery.suffix == ".jpg":
            assert pair[0].quantization == pair[1].quantization and pair[0].layer == pair[1].layer
        else:
            assert (forgery.image == forgery.before).all()
        suffixes.add(forgery.suffix)
    assert suffixes == {".png", ".jpg"}


def test_same_rng_same_forgery():
    first, second, other = _forge(3), _forge(3), _forge(4)
    assert first.file == second.file and (first.mask == second.mask).all()
    assert first.file != other.file


def test_all_techniques_are_drawn():
    assert {_forge(seed).technique for seed in range(25)} == set(TECHNIQUES)


def test_bad_requests_are_one_line():
    with pytest.raises(UserError, match="unknown technique 'blur'"):
        _forge(0, techniques=["blur"])
    with pytest.raises(UserError, match="unknown preset 'hard'"):
        _forge(0, preset="hard")
    with pytest.raises(UserError, match="at least two photos"):
        synthesize(PHOTOS[:1], np.random.default_rng(0), size=SIZE)


@pytest.mark.parametrize("mosaic", ["RGGB", "BGGR", "GRBG", "GBRG"])
@pytest.mark.parametrize("edge_aware", [False, True])
def test_camera_keeps_colours_and_noise_grows_with_its_setting(mosaic, edge_aware):
    scene = np.full((64, 64, 3), (200, 120, 60), np.uint8)
    quiet = capture(scene, History(mosaic, edge_aware, 1e-3), np.random.default_rng(0))
    assert np.abs(quiet.astype(int) - scene).max() <= 1
    low, high = (capture(scene, History(mosaic, edge_aware, n), np.random.default_rng(0)) for n in (2, 6))
    assert (high.std((0, 1)) > 2 * low.std((0, 1))).all()


def test_recompression_grid_offset():
    """Block borders of the JPEG lie where the offset says."""
    noise = np.random.default_rng(0).normal(128, 40, (64, 64, 1)).clip(0, 255).astype(np.uint8).repeat(3, 2)
    image = recompress(noise, 10, (3, 5)).astype(float)[:, :, 1]
    rows, columns = np.abs(np.diff(image, axis=0)).mean(1), np.abs(np.diff(image, axis=1)).mean(0)
    assert np.argmax([rows[k::8].mean() for k in range(8)]) == 2
    assert np.argmax([columns[k::8].mean() for k in range(8)]) == 4


def test_grain_is_matched_both_ways():
    rng = np.random.default_rng(0)
    mask = np.ones((96, 96), bool)
    noisy = np.clip(128 + rng.normal(0, 6, (96, 96, 3)), 0, 255).astype(np.uint8)
    smooth = np.full((96, 96, 3), 128, np.uint8)
    target = grain_level(noisy)
    assert grain_level(match_grain(smooth, mask, target, PLAIN, rng), mask) == pytest.approx(target, rel=0.15)
    softened = match_grain(noisy, mask, target / 2, PLAIN, rng)
    assert grain_level(softened, mask) == pytest.approx(target / 2, rel=0.25)


@pytest.mark.parametrize("edge", ["hard", "feathered", "poisson"])
@pytest.mark.parametrize("top", [0, 20])
def test_blending_stays_inside(edge, top):
    background, patch = PHOTOS[0][:64, :64], PHOTOS[1][:64, :64]
    mask = np.zeros((64, 64), bool)
    mask[top : top + 30, :25] = True  # also at the image's border, where OpenCV's clone fails by itself
    result = blend(background, patch, mask, edge, 2.0)
    assert (result[~mask] == background[~mask]).all() and (result[mask] != background[mask]).any()


def test_warp_scales_the_area_and_a_plain_cut_keeps_pixels():
    mask = smooth_shape((240, 320), 4000, np.random.default_rng(2))
    warp = {"scale": 1.5, "angle": 30.0, "flip": True, "interpolation": "cubic"}
    _, moved = warp_region(PHOTOS[0], mask, warp)
    assert moved.sum() == pytest.approx(1.5**2 * mask.sum(), rel=0.05)
    patch, cut = warp_region(PHOTOS[0], mask, {**warp, "scale": 1.0, "angle": 0.0, "flip": False})
    assert (patch[cut] == PHOTOS[0][mask]).all()


@pytest.mark.parametrize("area", [600, 3000])
def test_region_areas(area):
    rng = np.random.default_rng(0)
    for _ in range(10):
        assert smooth_shape((160, 200), area, rng).sum() == pytest.approx(area, rel=0.15)
    segments = Segments(PHOTOS[0])
    regions = [m for m in (segments.draw(area * 3, rng) for _ in range(10)) if m is not None]
    assert regions and all(0.4 * 3 * area <= m.sum() <= 1.6 * 3 * area for m in regions)
