"""The preset "people": what is forged and where, how the mask follows the journey, and that pairs stay pairs."""

from __future__ import annotations

import dataclasses
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.synthesis import get_preset, synthesize
from constrained_rcnn.synthesis.alpha import SHARE, composite, opacity
from constrained_rcnn.synthesis.journey import Journey
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError

SIZE = (160, 192)
PHOTOS = [render_scene(seed, (240, 320)) for seed in range(4)]
PEOPLE = get_preset("people")


def _with(**options):
    return dataclasses.replace(PEOPLE, editing=dataclasses.replace(PEOPLE.editing, **options))


def _objects():
    """A person-like object per photo that the lower border cuts."""
    mask = np.zeros((240, 320), np.uint8)
    cv2.ellipse(mask, ((160.0, 200.0), (120.0, 220.0), 0.0), 1, cv2.FILLED)
    return [[mask.astype(bool)]] * len(PHOTOS)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_regions_and_their_areas(technique):
    untouched = _with(saved=0.0, sharpened=0.0)  # what spreads a difference over the image's blocks
    areas = []
    for seed in range(12):
        forgery = synthesize(PHOTOS, np.random.default_rng(seed), untouched, [technique], SIZE)
        assert forgery.mask.shape == SIZE and forgery.image.shape == (*SIZE, 3)
        areas.append(forgery.mask.mean())
        assert 0.01 <= areas[-1] <= 0.6
        assert {name for name, _ in forgery.regions} == {technique} and 1 <= len(forgery.regions) <= 4
        assert np.sum([mask for _, mask in forgery.regions], axis=0).max() == 1
        differ = np.abs(forgery.before.astype(int) - forgery.authentic_before).max(2)
        # Beyond the mask lies the faint skirt of a soft edge, at most half a ramp wide.
        near = cv2.dilate(forgery.mask.astype(np.uint8), np.ones((19, 19), np.uint8)).astype(bool)
        assert differ[~near].max(initial=0) <= 1, seed
        assert differ[forgery.mask].mean() > 1
    assert min(areas) < 0.06 and max(areas) > (0.2 if technique == "splice" else 0.1)


def test_no_photo_is_enlarged():
    small = [photo[:120, :150] for photo in PHOTOS]
    forgery = synthesize(small, np.random.default_rng(0), "people", ["copy-move"], SIZE)
    assert forgery.mask.shape == (120, 150)
    history = forgery.description["history"]
    assert (history["own"] or history["scale"] == 1.0) and forgery.description["journey"]["scale"] == 1.0


def test_objects_are_pasted_whole_and_a_cut_one_stands_on_the_lower_border():
    preset = _with(objects=1.0, lettered=0.0, behind=0.0, turned=0.0, beyond=1.0, resized=0.0, saved=0.0)
    preset = dataclasses.replace(preset, regions=(1.0,), own_history=1.0)
    for seed in range(6):
        forgery = synthesize(PHOTOS, np.random.default_rng(seed), preset, ["splice"], SIZE, _objects())
        assert forgery.description["steps"][0]["selection"] == "annotated"
        assert forgery.mask[-1].any() and not forgery.mask[0].all()


def test_pairs_share_their_journey():
    sizes = set()
    for seed in range(10):
        forgery = synthesize(PHOTOS, np.random.default_rng(seed), "people", size=SIZE)
        pair = [Image.open(io.BytesIO(data)) for data in (forgery.file, forgery.authentic_file)]
        assert pair[0].format == pair[1].format and pair[0].size == pair[1].size
        assert getattr(pair[0], "quantization", 0) == getattr(pair[1], "quantization", 0)
        sizes.add(forgery.description["journey"]["scale"] < 1)
    assert sizes == {True, False}


def test_the_mask_is_resized_in_step_with_the_image():
    mask = np.zeros((200, 240), bool)
    mask[40:160, 60:121] = True
    image = np.where(mask[:, :, None], 255, 0).astype(np.uint8).repeat(3, 2)
    for scale in (0.43, 0.7, 1.0):
        for name in ("area", "linear", "cubic", "lanczos"):
            size = round(200 * scale), round(240 * scale)
            journey = Journey(scale=scale, interpolation=name)
            resized, resized_mask = journey.travel(image, size)[:, :, 0], journey.travel_mask(mask, size)
            assert resized.shape == resized_mask.shape == size
            # Of a white region on black, only half-covered pixels may fall on either side.
            assert ((resized > 128) != resized_mask)[np.abs(resized.astype(int) - 128) > 60].sum() == 0


@pytest.mark.parametrize("edge", ["hard", "antialiased", "feathered", "matting"])
def test_edges(edge):
    mask = np.zeros((64, 64), bool)
    mask[16:48, 16:48] = True
    patch, background = np.full((64, 64, 3), 200, np.uint8), np.full((64, 64, 3), 100, np.uint8)
    alpha = opacity(mask, edge, 6.0, patch)
    assert alpha.min() == 0 and alpha.max() == pytest.approx(1, abs=1e-5)
    mixed = composite(background, patch, alpha)
    ramp = np.count_nonzero((alpha[32] > 0.02) & (alpha[32] < 0.98)) / 2
    low, high = {"hard": (0, 0), "antialiased": (1, 2), "feathered": (3, 7), "matting": (1, 14)}[edge]
    assert low <= ramp <= high
    assert (mixed[alpha == 0] == 100).all() and mixed[32, 32, 0] == 200
    assert np.logical_xor(alpha > SHARE, mask).sum() < 0.3 * mask.sum()


@pytest.mark.parametrize("kind", ["blur", "smooth", "airbrush", "sharpen", "colour"])
def test_retouching_is_removal(kind):
    preset = _with(retouched=1.0, retouches=((kind, 1.0),))
    forgery = synthesize(PHOTOS, np.random.default_rng(3), preset, ["removal"], SIZE)
    assert forgery.technique == "removal"
    assert {(s["method"], s["retouch"]) for s in forgery.description["steps"]} == {("retouch", kind)}


@pytest.mark.parametrize(("technique", "option"), [("splice", "lettered"), ("removal", "erased")])
def test_text(technique, option):
    preset = _with(**{option: 1.0}, retouched=0.0, resized=0.0, covered=(0.01, 0.25))
    preset = dataclasses.replace(preset, regions=(1.0,))
    for seed in range(4):
        forgery = synthesize(PHOTOS, np.random.default_rng(seed), preset, [technique], SIZE)
        assert forgery.description["steps"][0]["text"]
        count, _ = cv2.connectedComponents(forgery.mask.astype(np.uint8))
        assert count - 1 <= 12, "letters are joined to lines and words"


@pytest.mark.parametrize("filling", ["patches", "diffusion", "stamp"])
def test_fillings(filling):
    preset = _with(retouched=0.0, erased=0.0, fillings=((filling, 1.0),), covered=(0.01, 0.03))
    forgery = synthesize(PHOTOS, np.random.default_rng(1), preset, ["removal"], SIZE)
    assert {step["method"] for step in forgery.description["steps"]} <= {filling, "stamp"}


def test_one_thing_copied_several_times():
    preset = dataclasses.replace(_with(again=1.0, covered=(0.01, 0.1), objects=0.0), regions=(0.0, 0.0, 1.0))
    forgery = synthesize(PHOTOS, np.random.default_rng(2), preset, ["copy-move"], SIZE)
    steps = forgery.description["steps"]
    assert [step["selection"] == "again" for step in steps] == [False, True, True]
    assert len({tuple(step["source_box"]) for step in steps}) == 1


def test_raw_files_see_no_jpeg_before_the_last():
    suffixes = set()
    for seed in range(8):
        forgery = synthesize(PHOTOS, np.random.default_rng(seed), _with(raw=1.0, resized=0.0), ["splice"], SIZE)
        description = forgery.description
        assert (
            not description["history"]["own"]
            and description["history"]["camera_jpeg"] is description["history"]["jpeg"] is None
        )
        assert description["journey"]["saved"] is description["first_quality"] is None
        assert description["quality"] is None or description["quality"] >= 90
        suffixes.add(forgery.suffix)
    assert suffixes == {".png", ".jpg"}


def test_what_leaves_no_trace_is_no_forgery():
    """On a blank page copies and blurs change nothing; only what can be seen there is handed out."""
    blank = [np.full((200, 200, 3), 255, np.uint8)] * 2
    for technique in ("copy-move", "removal"):
        preset = _with(colours=(("none", 1.0),), grain=0.0, retouches=(("blur", 1.0),), erased=0.0)
        preset = dataclasses.replace(preset, own_history=1.0)
        with pytest.raises(UserError, match=f"no {technique} fitted"):
            synthesize(blank, np.random.default_rng(0), preset, [technique], SIZE)
