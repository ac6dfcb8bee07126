"""Nothing about the files, their pixels' content apart, tells forgeries from authentic counterparts."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from constrained_rcnn.data import annotation_format
from constrained_rcnn.synthesis import write_forgeries
from constrained_rcnn.synthesis.scenes import render_scene

PAIRS = 80
#: Standard deviations of the binomial distribution around chance; two classifiers are asked of each set.
DEVIATIONS = 2.6


@pytest.fixture(scope="module")
def photos():
    return [(f"p{seed}", render_scene(seed, (140, 180))) for seed in range(40)]


def _segments(data: bytes) -> list[int]:
    """Kinds and lengths of what stands before the pixels: JPEG markers or PNG chunks."""
    numbers, position = [], 8 if data.startswith(b"\x89PNG") else 2
    while position < len(data):
        if data.startswith(b"\x89PNG"):
            length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
            if kind == b"IDAT":
                break
            numbers += [sum(kind), length]
            position += 12 + length
        else:
            kind, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
            numbers += [kind, length]
            if kind == 0xDA:
                break
            position += 2 + length
    return (numbers + [0] * 40)[:40]


def _phase(image: np.ndarray) -> list[float]:
    """Where the 8x8 grid of the container lies: mean second difference across each of 8 rows, and columns."""
    grey = image.mean(2)
    features = []
    for values in (grey, grey.T):
        step = np.abs(values[3:] - 3 * values[2:-1] + 3 * values[1:-2] - values[:-3]).mean(1)
        means = np.array([step[k::8].mean() for k in range(8)])
        features += [*(means / means.mean()), float(means.argmax())]
    return features


def _features(name: str, data: bytes) -> list[float]:
    image = Image.open(io.BytesIO(data))
    tables = list(getattr(image, "quantization", {}).values())
    tables = [value for table in (tables + [[0] * 64] * 2)[:2] for value in table]
    layers = [v for layer in getattr(image, "layer", [])[:1] for v in layer]
    stem = Path(name).stem
    of_name = [len(name), len(Path(name).suffix), sum(map(ord, stem)), ord(stem[-1]) % 2, stem.count("_")]
    of_file = [np.log(len(data)), len(data) % 2, len(data) % 16, image.width, image.height, len(image.mode)]
    of_info = [len(image.info), sum(len(str(v)) for v in image.info.values()), len(image.getexif())]
    return [
        *of_name, *of_file, *of_info, *tables, *(layers + [0] * 4)[:4], *_segments(data),
        *_phase(np.asarray(image.convert("RGB"), np.float32)),
    ]  # fmt: skip


def _accuracies(features, labels, groups):
    """Out-of-fold accuracy of a linear and of a tree classifier; no group is in two folds."""
    folds = list(GroupKFold(5).split(features, labels, groups))
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
    trees = RandomForestClassifier(60, min_samples_leaf=3, random_state=0)
    return [float((cross_val_predict(c, features, labels, cv=folds) == labels).mean()) for c in (linear, trees)]


@pytest.mark.parametrize("preset", ["camera", "careful", "people"])
def test_no_file_level_cue(preset, photos, tmp_path):
    written = write_forgeries(photos, tmp_path, "train", PAIRS, 3, preset=preset, size=(96, 128))
    rows = annotation_format.load(written["json_file"])
    labels = np.array([not row["authentic"] for row in rows])
    groups = np.unique([row["group"] for row in rows], return_inverse=True)[1]
    files = [(Path(row["file_name"]), Path(row["file_name"]).read_bytes()) for row in rows]
    features = np.array([_features(path.name, data) for path, data in files])
    noise = DEVIATIONS * 0.5 / np.sqrt(len(rows))
    accuracies = _accuracies(features, labels, groups)
    print(preset, accuracies, noise)
    assert all(abs(accuracy - 0.5) < noise for accuracy in accuracies), (accuracies, noise)
    # Within a pair, only what follows from the content may differ: the size of the file and the values of its grid.
    order = np.argsort(labels, kind="stable")
    pairs = features[order].reshape(2, PAIRS, -1)
    equal = (pairs[0] == pairs[1]).all(0)
    assert equal[[0, 1]].all() and equal[8:-18].all()

    # The test can fail: forgeries saved once more, as without shared last steps.
    for index in np.flatnonzero(labels):
        recompressed = io.BytesIO()
        Image.open(io.BytesIO(files[index][1])).save(recompressed, "jpeg", quality=90)
        features[index] = _features(files[index][0].name, recompressed.getvalue())
    assert min(_accuracies(features, labels, groups)) > 0.85
