"""Two images compared: versions of one are told whatever was done to them, and where they differ."""

import json

import cv2
import numpy as np
import pytest
from skimage import data

from constrained_rcnn.matching.alteration import _other_pattern
from constrained_rcnn.matching.image_pairs import _laid, compare, describe
from constrained_rcnn.matching.similarity import WORKING_SIDE
from tests.helpers.copied import photo

#: Where a square of the photo is replaced, (left, top) and side.
AT, SIDE = (330, 210), 90


def jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def turned(image, degrees):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)  # OpenCV turns counterclockwise
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC)[60:-60, 60:-60].copy()


def scaled(image, across, down):
    interpolation = cv2.INTER_AREA if across < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=across, fy=down, interpolation=interpolation)


def toned(image):
    curve = 255 * (np.arange(256) / 255) ** 0.7
    return np.stack([np.clip(g * curve + 5, 0, 255)[image[..., c]] for c, g in enumerate((0.9, 1, 1.1))], -1).astype(
        np.uint8
    )


def grey(image):
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


#: What is done to the image's geometry (the mask, too), and then to its pixels.
CHANGES = {
    "nothing": (lambda x: x, lambda x: x),
    "compressed": (lambda x: x, lambda x: jpeg(x, 50)),
    "reduced": (lambda x: scaled(x, 0.5, 0.5), lambda x: jpeg(x, 85)),
    "enlarged": (lambda x: scaled(x, 2, 2), lambda x: jpeg(x, 85)),
    "stretched": (lambda x: scaled(x, 1.2, 1), lambda x: jpeg(x, 90)),
    "cropped": (lambda x: x[70:370, 150:560].copy(), lambda x: jpeg(x, 90)),
    "turned": (lambda x: turned(x, 8), lambda x: jpeg(x, 90)),
    "upside down": (lambda x: x[::-1, ::-1].copy(), lambda x: jpeg(x, 90)),
    "mirrored": (lambda x: x[:, ::-1].copy(), lambda x: jpeg(x, 90)),
    "toned": (lambda x: x, lambda x: jpeg(toned(x), 90)),
    "paler": (lambda x: x, lambda x: jpeg((0.5 * x + 0.5 * grey(x)).astype(np.uint8), 90)),
    "grey": (lambda x: x, lambda x: grey(x)),
}


@pytest.fixture(scope="module")
def original():
    return photo()


@pytest.fixture(scope="module")
def forged(original):
    """The photo with the eye of another one in it, and the mask."""
    donor = data.chelsea()[60 : 60 + SIDE, 130 : 130 + SIDE, ::-1]
    image, mask = original.copy(), np.zeros(original.shape[:2], np.uint8)
    x, y = AT
    image[y : y + SIDE, x : x + SIDE], mask[y : y + SIDE, x : x + SIDE] = donor, 255
    return image, mask


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_altered_is_found_in_any_version(original, forged, change):
    geometry, values = CHANGES[change]
    image, mask = forged
    truth = geometry(mask) > 127
    (shared,) = compare(describe(original), describe(values(geometry(image))))
    assert shared.same_picture and overlap(shared.second_altered, truth) > 0.75
    assert overlap(shared.first_altered, mask > 0) > 0.75
    assert shared.mirrored == (change == "mirrored")
    # The other way round: the same regions.
    (back,) = compare(describe(values(geometry(image))), describe(original))
    assert overlap(back.first_altered, shared.second_altered) > 0.8
    assert back.scale * shared.scale == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_altered_in_an_honest_version(original, change):
    geometry, values = CHANGES[change]
    (shared,) = compare(describe(original), describe(values(geometry(original))))
    assert shared.same_picture and not shared.first_altered.any() and not shared.second_altered.any()
    assert shared.second.mean() > 0.5 or change == "turned"


@pytest.mark.parametrize(
    "change, scale, angle", [("reduced", 0.5, 0), ("enlarged", 2, 0), ("turned", 1, 8), ("upside down", 1, 180)]
)
def test_scale_and_angle(original, change, scale, angle):
    geometry, values = CHANGES[change]
    (shared,) = compare(describe(original), describe(values(geometry(original))))
    assert shared.scale == pytest.approx(scale, rel=0.01)
    assert abs((shared.angle - angle + 180) % 360 - 180) < 0.5


def test_a_part_that_was_taken_over_is_a_shared_region(original):
    donor, image = np.ascontiguousarray(data.astronaut()[:, :, ::-1]), original.copy()
    part = scaled(donor[20:220, 150:300], 0.8, 0.8)
    height, width = part.shape[:2]
    image[200 : 200 + height, 40 : 40 + width] = part
    (shared,) = compare(describe(donor), describe(jpeg(image, 90)))
    assert not shared.same_picture and not shared.first_altered.any() and not shared.second_altered.any()
    source, target = np.zeros(donor.shape[:2], bool), np.zeros(image.shape[:2], bool)
    source[20:220, 150:300], target[200 : 200 + height, 40 : 40 + width] = True, True
    # Its flat background is not told; nothing beyond the part is.
    assert (shared.first & source).sum() > 0.95 * shared.first.sum() and (
        shared.first & source
    ).sum() > 0.4 * source.sum()
    assert (shared.second & target).sum() > 0.95 * shared.second.sum()
    assert shared.scale == pytest.approx(0.8, abs=0.02)
    (version,) = compare(describe(original), describe(jpeg(image, 90)))
    assert version.same_picture and overlap(version.second_altered, target) > 0.8


def test_a_pattern_of_the_same_tones_is_altered_all_the_same():
    generator = np.random.default_rng(0)
    image = cv2.GaussianBlur(generator.integers(0, 256, (400, 500)).astype(np.float32), (0, 0), 1.5)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    forged, truth = image.copy(), np.zeros(image.shape, bool)
    forged[150:250, 200:320], truth[150:250, 200:320] = image[20:120, 20:140], True
    shared, *_ = compare(describe(cv2.merge([image] * 3)), describe(cv2.merge([forged] * 3)))
    assert shared.same_picture and overlap(shared.second_altered, truth) > 0.7


@pytest.mark.parametrize("first, second", [("chelsea", "astronaut"), ("astronaut", "rocket"), ("rocket", "coffee")])
def test_other_images_share_nothing(first, second):
    images = [describe(np.ascontiguousarray(getattr(data, name)()[:, :, ::-1])) for name in (first, second)]
    assert compare(*images) == () and compare(*images[::-1]) == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (40, 40), (300, 500)])
def test_flat_and_tiny_images_share_nothing(original, shape):
    flat = describe(np.full((*shape, 3), 128, np.uint8))
    assert compare(flat, flat) == () and compare(flat, describe(original)) == compare(describe(original), flat) == ()


def test_boxes_and_scale_are_in_pixels_of_images_that_were_reduced(original):
    large = scaled(original, 4, 4)
    (shared,) = compare(describe(original), describe(large))
    assert max(shared.second.shape) == WORKING_SIDE < max(large.shape[:2]) and shared.scale == pytest.approx(
        4, rel=0.01
    )
    assert shared.second_box == pytest.approx([4 * side for side in shared.first_box], abs=24)
    record = json.loads(json.dumps(shared.to_json()))
    assert record["same_picture"] is True and record["second_altered"] == 0 and record["similarity"] > 0.8


def test_pixels_are_read_again_only_when_they_are_needed(original):
    readings = []

    def again():
        readings.append(1)
        return original

    described = describe(original, again)
    assert compare(described, describe(np.zeros((300, 300, 3), np.uint8))) == () and not readings
    assert compare(described, describe(original)) and readings


def test_a_photo_on_a_page_of_text_is_found(original, forged):
    """Text has stronger keypoints than photos have; it must not take all places."""
    page = np.full((900, 1280, 3), 255, np.uint8)
    for line in range(36):
        text = "some words of a web page, line after line, in black on white, with digits 0123456789 and signs"
        cv2.putText(page, text, (8, 20 + 25 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.75, (20, 20, 20), 1, cv2.LINE_AA)
    page[250:650, 300:900] = forged[0]
    (shared,) = compare(describe(original), describe(page))
    truth = np.zeros(page.shape[:2], bool)
    truth[250:650, 300:900] = forged[1] > 0
    assert shared.same_picture and shared.matches > 200 and overlap(shared.second_altered, truth) > 0.75


def test_noise_and_a_vignette_alter_nothing(original):
    noisy = np.clip(original + np.random.default_rng(0).normal(0, 12, original.shape), 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[-1 : 1 : original.shape[0] * 1j, -1 : 1 : original.shape[1] * 1j]
    dark = (original * (1 - 0.15 * (rows**2 + columns**2))[..., None]).astype(np.uint8)
    for version in (noisy, dark):
        (shared,) = compare(describe(original), describe(version))
        assert shared.same_picture and shared.second_altered.mean() < 0.003


def test_few_agreeing_keypoints_do_not_make_a_version(original):
    """They do not lay the two on each other well enough to say where they differ."""
    part = np.full((400, 600, 3), 128, np.uint8)
    part[150:190, 300:350] = original[150:190, 300:350]
    assert all(not shared.same_picture for shared in compare(describe(original), describe(part)))


def test_mirrored_and_turned_at_once(original):
    (shared,) = compare(describe(original), describe(turned(original[:, ::-1], 8)))
    assert shared.mirrored and shared.angle == pytest.approx(8, abs=0.5)


def test_another_pattern_of_the_same_tones_is_told_without_its_tones():
    generator = np.random.default_rng(0)
    original, other = (
        cv2.GaussianBlur(generator.normal(128, 60, (200, 240)).astype(np.float32), (0, 0), 1) for _ in "ab"
    )
    altered, inner = original.copy(), (slice(80, 140), slice(90, 170))
    altered[inner] = other[inner]
    pixels = [cv2.merge([grey.clip(0, 255)] * 3) for grey in (original, altered)]
    differing = _other_pattern(pixels[0].astype(np.uint8), pixels[1], np.ones(original.shape, bool))
    truth = np.zeros(original.shape, bool)
    truth[inner] = True
    assert overlap(differing, truth) > 0.6


def test_a_finer_image_is_laid_on_a_coarser_one_without_a_shift(original):
    """Centres of pixels lie half a pixel inside."""
    large, inner = scaled(original, 4, 4), (slice(10, -10), slice(10, -10))
    differences = []
    for shift in (0, 0.25, -0.25):
        onto = np.array([[0.25, 0, 0.125 - 0.5 + shift], [0, 0.25, 0.125 - 0.5]])
        differences.append(np.abs(_laid(large, onto, original.shape[:2]) - original)[inner].mean())
    assert differences[0] < 0.6 * min(differences[1:]) and differences[1] == pytest.approx(differences[2], rel=0.05)
