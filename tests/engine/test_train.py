import argparse
import errno
import io
import os

import numpy as np
import pytest
import torch
from detectron2.engine import HookBase
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from constrained_rcnn.config import load_config
from constrained_rcnn.engine.train import ManipulationTrainer, run
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.output_folder import output_folder
from tests.helpers.tiny import TINY, tiny_cfg
from tests.helpers.tiny_data import write_set


@pytest.fixture(scope="module")
def train_set(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("engine"), "train", 52)


class Record(HookBase):
    """Keeps the losses, and ends the run like a kill would after an iteration."""

    def __init__(self, die_after=None):
        self.losses = {}
        self.die_after = die_after

    def after_step(self):
        iteration = self.trainer.iter
        latest = self.trainer.storage.latest()
        self.losses[iteration] = {k: v[0] for k, v in latest.items() if k.startswith("loss_")}
        if iteration == self.die_after:
            raise KeyboardInterrupt


def trainer(train_set, output, *options, die_after=None, resume=False):
    cfg = tiny_cfg(
        "DATASETS.TRAIN", f"('{train_set}',)", "OUTPUT_DIR", str(output), "SOLVER.IMS_PER_BATCH", "2",
        "SOLVER.MAX_ITER", "30", "SOLVER.CHECKPOINT_PERIOD", "10", "SOLVER.STEPS", "(15,)", *options,
    )  # fmt: skip
    os.makedirs(output, exist_ok=True)
    torch.manual_seed(0)
    result = ManipulationTrainer(cfg)
    result.resume_or_load(resume)
    record = Record(die_after)
    result.register_hooks([record])
    return result, record


@pytest.fixture(scope="module")
def whole_run(train_set, tmp_path_factory):
    """An uninterrupted run of 30 iterations: its folder, its losses and its last learning rate."""
    folder = tmp_path_factory.mktemp("whole")
    trained, record = trainer(train_set, folder)
    trained.train()
    return folder, record.losses, trained.optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_killed_run_continues_as_if_nothing_had_happened(train_set, whole_run, tmp_path, workers):
    """52 shuffled images with flips; killed at iteration 12, three steps after the checkpoint of iteration 9."""
    _, expected, learning_rate = whole_run
    options = ["DATALOADER.NUM_WORKERS", workers]
    killed, _ = trainer(train_set, tmp_path / "killed", *options, die_after=12)
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    torch.manual_seed(123)
    np.random.seed(123)
    resumed, record = trainer(train_set, tmp_path / "killed", *options, resume=True)
    assert resumed.start_iter == 10
    resumed.train()
    assert sorted(record.losses) == list(range(10, 30))
    for iteration in range(10, 30):
        for name, value in expected[iteration].items():
            assert abs(record.losses[iteration][name] - value) < 1e-4, (iteration, name)
    assert resumed.optimizer.param_groups[0]["lr"] == learning_rate


def test_without_the_optimizer_state_it_would_not(train_set, whole_run, tmp_path):
    """The resume test can fail: dropping the momentum changes the losses by more than its tolerance."""
    folder, expected, _ = whole_run
    data = torch.load(folder / "model_0000009.pth", weights_only=True)
    del data["trainer"]["optimizer"]
    torch.save(data, tmp_path / "model_0000009.pth")
    (tmp_path / "last_checkpoint").write_text("model_0000009.pth")
    resumed, record = trainer(train_set, tmp_path, die_after=13, resume=True)
    with pytest.raises(KeyboardInterrupt):
        resumed.train()
    assert max(abs(record.losses[13][k] - v) for k, v in expected[13].items()) > 1e-4


def test_takes_a_state_of_detectron2s_own_trainer(train_set, tmp_path):
    resumed, _ = trainer(train_set, tmp_path)
    state = {"iteration": 4, "_trainer": {"iteration": 4, "optimizer": resumed.optimizer.state_dict()}}
    resumed.load_state_dict(state)
    assert resumed.iter == 4


def test_the_gradient_scaler_comes_back(train_set, tmp_path):
    """Mixed-precision training needs CUDA; its scaler's state does not."""
    first, _ = trainer(train_set, tmp_path)
    assert "grad_scaler" not in first.state_dict()
    first._trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=512.0)
    state = {**first.state_dict(), "iteration": 3}
    second, _ = trainer(train_set, tmp_path)
    second.load_state_dict(state)  # one without a scaler takes it, too
    second._trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    second.load_state_dict(state)
    assert second._trainer.grad_scaler.state_dict()["scale"] == 512.0


def test_stage_one_then_stage_two_then_fine_tuning(train_set, tmp_path):
    short = ["SOLVER.MAX_ITER", "2", "SOLVER.CHECKPOINT_PERIOD", "100", "SOLVER.STEPS", "(1,)"]
    one_class = ["DATASETS.MERGE_TECHNIQUES", "True", "MODEL.ROI_HEADS.NUM_CLASSES", "1"]
    stages = {
        "stage1": [*one_class, "MODEL.MASK_ON", "False"],
        "stage2": [],
        "fine": one_class,
    }
    weights = ""
    previous = None
    for name, options in stages.items():
        trained, record = trainer(train_set, tmp_path / name, *short, *options, "MODEL.WEIGHTS", weights)
        if previous is not None:  # everything but classes and mask branch is what the stage before left
            for key, value in trained.model.state_dict().items():
                if not key.startswith(("roi_heads.box_predictor", "roi_heads.mask_")):
                    assert torch.equal(value, previous[key]), key
        trained.train()
        assert ("loss_mask" in record.losses[1]) == (name != "stage1")
        weights = str(tmp_path / name / "model_final.pth")
        previous = torch.load(weights, weights_only=True)["model"]
    assert torch.load(weights, weights_only=True)["metadata"] == {"classes": ["tampered"]}


def _process(rank, folder):
    """Trains three steps beside another process; the first has no foreground in its second step."""
    from detectron2.utils.events import EventStorage
    from torch.nn.parallel import DistributedDataParallel

    from tests.helpers.tiny import sample, tiny_model

    torch.set_num_threads(1)
    # They meet in a file: a free port may be taken before it is used.
    rendezvous = (folder / "meeting").as_uri()
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    model = DistributedDataParallel(tiny_model(seed=rank), broadcast_buffers=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    forged = [sample(64, 64, [(8, 8, 40, 40)], seed=rank)]
    with EventStorage(0):
        for step in range(3):
            batch = [sample(64, 64, seed=5)] if (rank, step) == (0, 1) else forged
            optimizer.zero_grad()
            sum(model(batch).values()).backward()
            optimizer.step()
    np.save(folder / f"{rank}.npy", torch.cat([p.detach().flatten() for p in model.parameters()]).numpy())
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_two_processes_agree_on_every_parameter(tmp_path):
    torch.multiprocessing.spawn(_process, args=(tmp_path,), nprocs=2)
    results = [np.load(tmp_path / f"{rank}.npy") for rank in (0, 1)]
    assert np.array_equal(results[0], results[1])
    assert np.isfinite(results[0]).all()


def test_clear_errors_for_datasets(tmp_path, train_set):
    with pytest.raises(UserError, match="no_such_set: not registered"):
        trainer("no_such_set", tmp_path)
    with pytest.raises(UserError, match="nowhere.json"):
        trainer(str(tmp_path / "nowhere.json"), tmp_path)
    with pytest.raises(UserError, match="NUM_CLASSES is 2"):
        trainer(train_set, tmp_path, "MODEL.ROI_HEADS.NUM_CLASSES", "2")


def test_images_of_predictions_go_to_tensorboard_and_change_nothing(train_set, whole_run, tmp_path):
    trained, record = trainer(train_set, tmp_path, "VIS_PERIOD", "20", "MODEL.RPN.POST_NMS_TOPK_TRAIN", "20")
    trained.train()
    assert record.losses[29] == pytest.approx(whole_run[1][29], abs=1e-6)
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0}).Reload()
    assert {"total_loss", "loss_mask", "lr"} <= set(events.Tags()["scalars"])
    shown = [name for name in events.Tags()["images"] if name.startswith("prediction/")]
    assert sorted(shown) == [f"prediction/{number}" for number in range(1, 5)]
    (image,) = events.Images(shown[0])
    pixels = np.array(Image.open(io.BytesIO(image.encoded_image_string)))
    assert image.step == 19 and pixels.shape[2] == 3 and pixels.shape[1] > 4 * 100
    second = pixels[60:180, pixels.shape[1] // 4 + 30 : pixels.shape[1] // 2 - 30]
    assert np.isin(second, (0, 255)).mean() > 0.9 and {0, 255} <= set(np.unique(second))  # photo, truth, map, overlay


def command(train_set, output, *options, eval_only=False, resume=False):
    names = ["DATASETS.TRAIN", f"('{train_set}',)", "DATASETS.TEST", f"('{train_set}',)", "OUTPUT_DIR", str(output)]
    short = ["SOLVER.IMS_PER_BATCH", "2", "SOLVER.MAX_ITER", "1", "SOLVER.STEPS", "()", *options]
    arguments = {"config_file": config_file("constrained_rcnn_small.yaml"), "opts": [*TINY, *names, *short]}
    return run(argparse.Namespace(**arguments, eval_only=eval_only, resume=resume))


def test_a_folder_belongs_to_one_training(train_set, tmp_path, monkeypatch):
    out = tmp_path / "out"
    command(train_set, out)
    content = (out / "config.yaml").read_bytes()
    loaded = load_config(str(out / "config.yaml"))
    assert loaded.SOLVER.MAX_ITER == 1 and loaded.OUTPUT_DIR == str(out) and b"PANOPTIC_FPN" not in content
    checkpoints = {path: path.read_bytes() for path in out.glob("*.pth")}
    with pytest.raises(UserError, match="OUTPUT_DIR .*: holds the checkpoints of an earlier training.*--resume"):
        command(train_set, out)
    assert {path: path.read_bytes() for path in out.glob("*.pth")} == checkpoints
    with output_folder(out), pytest.raises(UserError, match="OUTPUT_DIR .*: another run is writing there"):
        command(train_set, out, resume=True)
    small = write_set(tmp_path / "few", "few", 2)
    command(small, out, "MODEL.WEIGHTS", str(out / "model_final.pth"), eval_only=True)
    assert (out / "config.yaml").read_bytes() == content and (out / "inference" / "config.yaml").is_file()
    assert sorted(path.name for path in (out / "inference" / "few").glob(".*")) == []


@pytest.mark.parametrize("output", ["checkpoint", "curves"])
def test_a_full_disk_ends_a_training_in_one_line(train_set, tmp_path, monkeypatch, caplog, output):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if output == "checkpoint":
        monkeypatch.setattr(torch, "save", full)
    else:
        monkeypatch.setattr("detectron2.utils.events.JSONWriter.write", full)
    named = "model_final.pth" if output == "checkpoint" else "out"
    with pytest.raises(OutputError, match=f"{named}: cannot be written: no space left on device; make room"):
        command(train_set, tmp_path / "out")
    assert not [record for record in caplog.records if record.exc_info]
    assert not list((tmp_path / "out").rglob(".*"))
