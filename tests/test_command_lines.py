"""Every command line: help without Torch, and one clear line for bad input."""

import glob
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.tiny import TINY
from tests.helpers.tiny_data import write_set
from tests.inference.test_untouched import photo

ROOT = Path(__file__).resolve().parents[1]
SMALL = str(ROOT / "configs" / "constrained_rcnn_small.yaml")
COMMANDS = sorted(glob.glob(str(ROOT / "tools" / "*.py")) + glob.glob(str(ROOT / "datasets" / "*.py")))


def call(command, *arguments, folder=None):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, command, *arguments], capture_output=True, text=True, cwd=folder, env=environment
    )


@pytest.mark.parametrize("command", COMMANDS, ids=os.path.basename)
def test_help_is_quick_and_loads_no_torch(command, tmp_path):
    code = (
        "import runpy, sys\n"
        "sys.argv = [sys.argv[1], '--help']\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules and 'detectron2' not in sys.modules, 'heavy import'\n"
    )
    done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def one_line(done, *words):
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "Traceback" not in done.stderr
    for word in words:
        assert word in errors[0]


def test_train_net_says_what_is_wrong(tmp_path):
    train = str(ROOT / "tools" / "train_net.py")
    output = ["OUTPUT_DIR", str(tmp_path / "out")]
    one_line(call(train, "--config-file", "nowhere.yaml", folder=tmp_path), "nowhere.yaml")
    one_line(call(train, "--config-file", SMALL, "MODEL.NO_SUCH", "1", *output), "MODEL.NO_SUCH")
    one_line(call(train, "--config-file", SMALL, *output), "DATASETS.TRAIN")
    missing = ["DATASETS.TRAIN", "('nowhere/annotations/train.json',)"]
    one_line(call(train, "--config-file", SMALL, *missing, *output), "nowhere")
    (tmp_path / "bad.pth").write_bytes(b"not a checkpoint")
    data = write_set(tmp_path / "data", "train", 3)
    wrong = ["--eval-only", "DATASETS.TEST", f"('{data}',)", "MODEL.WEIGHTS", str(tmp_path / "bad.pth")]
    one_line(call(train, "--config-file", SMALL, *wrong, *output), "bad.pth")


@pytest.mark.parametrize("workers", ["0", "1"])
@pytest.mark.parametrize("mode", [[], ["--eval-only"]], ids=["train", "evaluate"])
def test_an_unreadable_image_is_named_in_one_line(tmp_path, workers, mode):
    from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
    from tests.helpers.tiny import tiny_model

    data = write_set(tmp_path / "data", "train", 3)
    for path in (tmp_path / "data" / "images" / "train").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    ManipulationCheckpointer(tiny_model(), str(tmp_path)).save("model")
    weights = str(tmp_path / "model.pth")
    names = ["DATASETS.TRAIN", f"('{data}',)", "DATASETS.TEST", f"('{data}',)", "MODEL.WEIGHTS", weights]
    done = call(
        str(ROOT / "tools" / "train_net.py"), "--config-file", SMALL, *mode, *TINY, *names,
        "OUTPUT_DIR", str(tmp_path / "out"), "DATALOADER.NUM_WORKERS", workers,
    )  # fmt: skip
    one_line(done, "data/images/train/", ".png")
    assert "Traceback" not in done.stdout and len(done.stderr.splitlines()[-1]) < 300


def test_train_evaluate_and_demo_from_any_folder(tmp_path):
    data = write_set(tmp_path / "data", "train", 6)
    names = ["DATASETS.TRAIN", f"('{data}',)", "DATASETS.TEST", f"('{data}',)"]
    common = [*TINY, "OUTPUT_DIR", str(tmp_path / "out"), "SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "(1,)", *names]
    train = str(ROOT / "tools" / "train_net.py")
    done = call(train, "--config-file", SMALL, *common, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    weights = ["MODEL.WEIGHTS", str(tmp_path / "out" / "model_final.pth")]
    done = call(train, "--config-file", SMALL, "--eval-only", *common, *weights, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for word in ("f1_best", "auc", "n(manipulated) = 4", "bbox", "segm"):
        assert word in done.stdout
    done = call(
        str(ROOT / "tools" / "demo.py"), "--config-file", SMALL, "--input", str(tmp_path / "data" / "images"),
        "--output", "results", "--opts", *TINY, *weights, folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list((tmp_path / "results").glob("*.json"))) == 6
    (tmp_path / "photos").mkdir()
    for seed in range(2):
        Image.fromarray(photo(100, 120, seed)).save(tmp_path / "photos" / f"{seed}.jpg")
    for tool, words in (("calibrate", "threshold"), ("false_alarms", "called manipulated")):
        done = call(
            str(ROOT / "tools" / f"{tool}.py"), "--config-file", SMALL, "--photos", "photos", "--opts", *TINY, *weights,
            folder=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0 and words in done.stdout, done.stderr
