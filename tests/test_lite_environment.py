"""constrained-rcnn-lite in a fresh environment with the built wheel and what it needs: no Torch, no Detectron2."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.inference.predictor import ManipulationPredictor
from tests.helpers import packages, schemas
from tests.helpers.copied import forged, photo

#: The same modules, in an environment for tests.
INSTEAD = {"opencv-python-headless": "opencv-python"}


def link(name: str, site: Path, done: set[str]) -> None:
    """Makes an installed distribution, and all that it needs, importable from another environment."""
    name = INSTEAD.get(name, name)
    if name in done:
        return
    done.add(name)
    found = importlib.metadata.distribution(name)
    for top in {file.parts[0] for file in found.files if file.parts[0] not in ("..", "__pycache__")}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(found.locate_file(top)).resolve())
    for text in found.requires or ():
        if "extra ==" not in text and (needed := re.match(r"[\w.-]+", text)[0]) and "python_version" not in text:
            link(needed, site, done)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The scripts' folder of the environment."""
    source = packages.copy_source(tmp_path_factory.mktemp("source"))
    wheel = packages.build_wheel(source, tmp_path_factory.mktemp("wheel"), lite=True)
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    done: set[str] = set()
    for text in packages.metadata_of(wheel).get_all("Requires-Dist"):
        link(re.match(r"[\w.-]+", text)[0], site, done)
    return folder / "bin"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    pixels, _ = forged(photo())
    Image.fromarray(pixels[:, :, ::-1]).save(folder / "copied.jpg", quality=95)
    noise = np.random.default_rng(0).integers(90, 160, (181, 203, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder


def called(scripts, folder, *command):
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(scripts / command[0]), *command[1:]], cwd=folder, env=kept, capture_output=True, text=True
    )


def test_help_loads_nothing(scripts, tmp_path):
    ran = called(scripts, tmp_path, "constrained-rcnn-lite", "--help")
    assert ran.returncode == 0 and ran.stdout.startswith("usage: constrained-rcnn-lite "), ran.stderr
    code = (
        "import sys; from constrained_rcnn.apps.lite.command import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'cv2', 'onnxruntime', 'PIL', 'jinja2'} & set(sys.modules)))"
    )
    assert called(scripts, tmp_path, "python", "-c", code).stdout.splitlines()[-1] == "[]"


def test_there_is_no_torch(scripts, tmp_path):
    code = "import importlib.util as u; print(*[bool(u.find_spec(x)) for x in ('torch', 'detectron2', 'onnxruntime')])"
    assert called(scripts, tmp_path, "python", "-c", code).stdout.split() == ["False", "False", "True"]


def test_results_are_those_of_detect(scripts, images, tmp_path):
    ran = called(scripts, tmp_path, "constrained-rcnn-lite", "--input", str(images), "--output", "out", "--float-maps")
    assert ran.returncode == 1 and "2 images examined, 1 skipped" in ran.stdout, ran.stdout + ran.stderr
    predictor = ManipulationPredictor()
    for name in ("copied.jpg", "noise.png"):
        stem, wanted = name.split(".")[0], predictor(images / name)
        record, told = json.loads((tmp_path / "out" / f"{stem}.json").read_text()), wanted.to_json()
        schemas.check(record, "detect/schema/result-1.json")
        assert np.abs(np.load(tmp_path / "out" / f"{stem}_map.npy") - wanted.manipulation_map).max() < 1e-3
        for key in ("decision", "manipulated", "threshold", "unsuitable", "techniques", "views", "tiles", "reading"):
            assert record[key] == told[key], key
        assert record["score"] == pytest.approx(told["score"], abs=1e-3)
        assert len(record["repeats"]) == len(wanted.copy_moves)
        for ours, theirs in zip(told["detections"], record["detections"], strict=True):
            assert theirs["box"] == pytest.approx(ours["box"], abs=0.5)
            assert (theirs["technique"], theirs["found_by"]) == (ours["technique"], ours["found_by"])
    assert {"onnxruntime", "cv2"} < record["versions"].keys() and "torch" not in record["versions"]
    assert record["weights"]["file"].endswith(".onnx")
    for file in ("results.html", "results.csv", "copied_overlay.jpg", "copied_repeats.jpg"):
        assert (tmp_path / "out" / file).is_file()


def test_workers_give_the_same_and_done_files_are_left_out(scripts, images, tmp_path):
    command = [
        "constrained-rcnn-lite",
        "--input",
        str(images / "noise.png"),
        str(images / "copied.jpg"),
        "--output",
        "out",
    ]
    first = called(scripts, tmp_path, *command, "--jobs", "2")
    assert first.returncode == 0, first.stderr
    before = (tmp_path / "out" / "noise.json").read_bytes()
    again = called(scripts, tmp_path, *command, "--resume")
    assert again.returncode == 0 and (tmp_path / "out" / "noise.json").read_bytes() == before


def test_what_it_cannot_use_is_one_line(scripts, tmp_path):
    ran = called(
        scripts, tmp_path, "constrained-rcnn-lite", "--network", "none.onnx", "--input", "a", "--output", "out"
    )
    assert ran.returncode == 2 and ran.stderr.splitlines()[-1].startswith("error: none.onnx: no such file")
    ran = called(scripts, tmp_path, "python", "-m", "constrained_rcnn", "detect", "--input", "a.jpg", "--output", "out")
    assert ran.returncode == 2 and ran.stderr.splitlines()[-1].startswith("error: ")
