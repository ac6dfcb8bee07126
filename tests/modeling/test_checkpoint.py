import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from detectron2.checkpoint.catalog import ModelCatalog

from constrained_rcnn.modeling.checkpoint import DENSE_PATH, ManipulationCheckpointer, export_weights, read_checkpoint
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, tiny_model


def saved(model, folder, name="model_final", **kwargs):
    ManipulationCheckpointer(model, str(folder), **kwargs).save(name)
    return os.path.join(folder, f"{name}.pth")


def test_round_trip_with_metadata(tmp_path):
    path = saved(tiny_model(seed=1), tmp_path, metadata={"classes": ["splice"]})
    model = tiny_model(seed=2)
    rest = ManipulationCheckpointer(model).load_strictly(path)
    assert rest["metadata"] == {"classes": ["splice"]}
    for name, value in tiny_model(seed=1).state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert sorted(os.listdir(tmp_path)) == ["last_checkpoint", "model_final.pth"]


def test_an_interrupted_save_leaves_the_old_one(tmp_path, monkeypatch):
    model = tiny_model()
    path = saved(model, tmp_path)
    before = open(path, "rb").read()

    def dies(data, target):
        target.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        saved(model, tmp_path)
    assert open(path, "rb").read() == before and len(os.listdir(tmp_path)) == 2
    assert (tmp_path / "last_checkpoint").read_text() == "model_final.pth"


def test_training_tolerates_classes_and_mask_branch_in_one_log_line(tmp_path, caplog):
    stage1 = tiny_model("MODEL.MASK_ON", "False", "MODEL.ROI_HEADS.NUM_CLASSES", "1", seed=1)
    path = saved(stage1, tmp_path)
    model = tiny_model(seed=2)
    head = model.roi_heads.box_predictor.cls_score.weight.clone()
    with caplog.at_level("INFO", logger="constrained_rcnn"):
        ManipulationCheckpointer(model).load_for_training(path)
    said = [r.getMessage() for r in caplog.records if "training starts without" in r.getMessage()]
    assert len(said) == 1 and "roi_heads.mask_" in said[0] and "box_predictor" in said[0]
    for name, value in stage1.backbone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name
    assert torch.equal(model.roi_heads.box_predictor.cls_score.weight, head)
    for name, value in model.roi_heads.res5.state_dict().items():
        assert torch.equal(model.roi_heads.mask_res5.state_dict()[name], value)


def test_training_keeps_a_mask_branch_that_is_there(tmp_path):
    path = saved(tiny_model("MODEL.ROI_HEADS.NUM_CLASSES", "1", seed=1), tmp_path)
    model = tiny_model(seed=2)
    ManipulationCheckpointer(model).load_for_training(path)
    wanted = tiny_model("MODEL.ROI_HEADS.NUM_CLASSES", "1", seed=1).roi_heads.mask_res5.state_dict()
    for name, value in wanted.items():
        assert torch.equal(model.roi_heads.mask_res5.state_dict()[name], value)


@pytest.mark.parametrize(
    "options",
    [["MODEL.ROI_HEADS.NUM_CLASSES", "1"], ["MODEL.MASK_ON", "False"], ["MODEL.ATTENTION_RPN.ENABLED", "False"]],
)
def test_evaluation_tolerates_nothing(tmp_path, options):
    path = saved(tiny_model(*options), tmp_path)
    with pytest.raises(UserError, match="does not fit the model") as error:
        ManipulationCheckpointer(tiny_model()).load_strictly(path)
    assert "\n" not in str(error.value) and path in str(error.value)


def test_training_may_begin_without_the_dense_path_or_leave_it(tmp_path, caplog):
    """From boxes only to both, and back; predicting tolerates neither."""
    boxes_only, both = saved(tiny_model(seed=1), tmp_path, "a"), saved(tiny_model(*DENSE, seed=1), tmp_path, "b")
    for path, options, kind in ((boxes_only, DENSE, "missing"), (both, (), "unexpected")):
        model = tiny_model(*options, seed=2)
        own = {name: value.clone() for name, value in model.state_dict().items() if name.startswith(DENSE_PATH)}
        caplog.clear()
        with caplog.at_level("INFO", logger="constrained_rcnn"):
            ManipulationCheckpointer(model).load_for_training(path)
        (said,) = [r.getMessage() for r in caplog.records if "training starts without" in r.getMessage()]
        assert f" {kind} (decision." in said
        given = read_checkpoint(path)["model"]
        for name, value in model.state_dict().items():
            assert torch.equal(value, own[name] if name in own else given[name]), name
        with pytest.raises(UserError, match=f"{kind} "):
            ManipulationCheckpointer(tiny_model(*options)).load_strictly(path)


def test_training_refuses_another_backbone(tmp_path):
    path = saved(tiny_model("MODEL.CONSTRAINED_CONV.ENABLED", "False"), tmp_path)
    with pytest.raises(UserError, match="backbone.constrained_conv.weight"):
        ManipulationCheckpointer(tiny_model()).load_for_training(path)


def channels(count: int, with_rgb: bool = False) -> list[str]:
    return ["MODEL.CONSTRAINED_CONV.CHANNELS", str(count), "MODEL.CONSTRAINED_CONV.WITH_RGB", str(with_rgb)]


@pytest.mark.parametrize(
    "narrow, wide, first",
    [((3,), (5,), 0), ((3,), (3, True), 3), ((2,), (9, True), 3), ((1, True), (5, True), 0)],
)
@torch.no_grad()
def test_training_in_a_wider_stem_begins_as_the_narrower_network(tmp_path, caplog, narrow, wide, first):
    source = tiny_model(*channels(*narrow), seed=1)
    path = saved(source, tmp_path)
    model = tiny_model(*channels(*wide), seed=2)
    with caplog.at_level("INFO", logger="constrained_rcnn"):
        ManipulationCheckpointer(model).load_for_training(path)
    assert len([r for r in caplog.records if "the others start at zero" in r.getMessage()]) == 1
    image = torch.rand(1, 3, 48, 48) * 20
    expected, found = source.backbone(image), model.backbone(image)
    for name in expected:
        assert torch.allclose(found[name], expected[name], atol=1e-4), name
    stem, given = (x.backbone.stem.conv1.weight for x in (model, source))
    assert torch.equal(stem[:, first : first + given.shape[1]], given)
    assert stem.requires_grad and stem.abs().sum((0, 2, 3)).count_nonzero() == given.shape[1]
    with pytest.raises(UserError, match="of another shape"):
        ManipulationCheckpointer(tiny_model(*channels(*wide))).load_strictly(path)


@pytest.mark.parametrize("narrow, wide", [((5,), (3,)), ((1, True), (9,)), ((5,), (3, True))])
def test_channels_that_have_no_place_are_refused(tmp_path, narrow, wide):
    path = saved(tiny_model(*channels(*narrow)), tmp_path)
    with pytest.raises(UserError, match="of another shape"):
        ManipulationCheckpointer(tiny_model(*channels(*wide))).load_for_training(path)


@pytest.mark.parametrize(
    "name, form", [("conv1_w", {}), ("stem.conv1.weight", {"__author__": "Detectron2", "matching_heuristics": True})]
)
@pytest.mark.parametrize("options", [(5,), (2, True)])
def test_imagenet_weights_go_to_the_first_channels(tmp_path, name, form, options):
    model = tiny_model(*channels(*options))
    given = np.random.default_rng(0).normal(size=(32, 3, 7, 7)).astype(np.float32)
    weights = {"model": {name: given}, **form} if form else {name: given}
    (tmp_path / "R.pkl").write_bytes(pickle.dumps(weights))
    ManipulationCheckpointer(model, trust_pickled_weights=True).load_for_training(str(tmp_path / "R.pkl"))
    stem = model.backbone.stem.conv1.weight
    assert torch.equal(stem[:, :3], torch.from_numpy(given)) and not stem[:, 3:].any()


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a checkpoint", pickle.dumps({"model": Evil()}), pickle.dumps({"model": {"a": 1}}), b"PK\x03\x04" * 10],
)
def test_bad_files_give_one_line_and_execute_nothing(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(UserError, match="bad.pth") as error:
        read_checkpoint("bad.pth")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "executed").exists()


def test_a_missing_file_and_a_truncated_one(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        ManipulationCheckpointer(tiny_model()).load_strictly(str(tmp_path / "none.pth"))
    path = saved(tiny_model(), tmp_path)
    data = open(path, "rb").read()
    open(path, "wb").write(data[: len(data) // 2])
    with pytest.raises(UserError, match="model_final.pth"):
        ManipulationCheckpointer(tiny_model()).load_strictly(path)


def test_a_pickle_is_read_only_with_the_flag_that_says_so(tmp_path):
    """A .pkl file that would create a file when it is read."""

    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    path = tmp_path / "R-18.pkl"
    path.write_bytes(pickle.dumps({"model": {"a": Evil()}, "__author__": "somebody"}))
    model = tiny_model()
    with pytest.raises(UserError, match="TRUST_PICKLED_WEIGHTS True"):
        ManipulationCheckpointer(model).load_for_training(str(path))
    with pytest.raises(UserError, match="can be read safely"):
        ManipulationCheckpointer(model, trust_pickled_weights=True).load_strictly(str(path))
    assert not (tmp_path / "executed").exists()

    weights = {"stem.conv1.weight": model.state_dict()["backbone.stem.conv1.weight"].numpy() + 1}
    path.write_bytes(pickle.dumps({"model": weights, "__author__": "Detectron2", "matching_heuristics": True}))
    before = model.state_dict()["backbone.stem.conv1.weight"].clone()
    ManipulationCheckpointer(model, trust_pickled_weights=True).load_for_training(str(path))
    assert torch.allclose(model.state_dict()["backbone.stem.conv1.weight"], before + 1)


@pytest.fixture
def evil_catalog(tmp_path, monkeypatch):
    """Detectron2's catalog, one of whose names leads to a pickle that would create the file "executed"."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps({"model": {"a": Evil()}, "__author__": "somebody"}))
    monkeypatch.setattr(ModelCatalog, "get", staticmethod(lambda name: str(tmp_path / "R-50.pkl")))
    return "catalog://ImageNetPretrained/MSRA/R-50"


@pytest.mark.parametrize("load", ["load_for_training", "load_strictly", "load", "resume_or_load"])
def test_no_way_of_loading_reads_an_untrusted_pickle(tmp_path, evil_catalog, load):
    for path in (evil_catalog, "R-50.pkl"):
        with pytest.raises(UserError, match="TRUST_PICKLED_WEIGHTS True|can be read safely"):
            getattr(ManipulationCheckpointer(tiny_model(), str(tmp_path)), load)(path)
    os.rename("R-50.pkl", "R-50.pyth")
    with pytest.raises(UserError, match="can be read safely"):
        getattr(ManipulationCheckpointer(tiny_model(), str(tmp_path), trust_pickled_weights=True), load)("R-50.pyth")
    assert not os.path.exists("executed")


def test_resuming_reads_no_pickle(tmp_path, evil_catalog):
    (tmp_path / "last_checkpoint").write_text("R-50.pkl")
    checkpointer = ManipulationCheckpointer(tiny_model(), str(tmp_path), trust_pickled_weights=True)
    with pytest.raises(UserError, match="can be read safely"):
        checkpointer.resume_or_load("", resume=True)
    assert not os.path.exists("executed")


def test_a_trusted_pickle_that_is_damaged(tmp_path):
    (tmp_path / "R.pkl").write_bytes(b"\x80\x04no")
    with pytest.raises(UserError, match="R.pkl: not weights"):
        ManipulationCheckpointer(tiny_model(), trust_pickled_weights=True).load_for_training(str(tmp_path / "R.pkl"))


def test_a_checkpoint_that_unpacks_to_more_than_itself(tmp_path):
    path = tmp_path / "bomb.pth"
    torch.save({"model": {"a": torch.zeros(1_000_000)}}, path)
    assert read_checkpoint(path)["model"]["a"].numel() == 1_000_000
    with zipfile.ZipFile(path) as stored:
        members = {name: stored.read(name) for name in stored.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match="bomb.pth: not a checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [
        {"model": {1: torch.zeros(2)}},
        {"model": {"a": torch.zeros(2, 2).to_sparse()}},
        {"model": {"a": torch.zeros(2, dtype=torch.complex64)}},
        {"model": {"a": torch.zeros(2, device="meta")}},
        {"model": {"a": torch.zeros(2)}, "metadata": ["splice"]},
    ],
)
def test_content_that_is_no_model(tmp_path, content):
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(UserError, match="odd.pth"):
        read_checkpoint(tmp_path / "odd.pth")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_damaged_checkpoints_are_read_or_refused(tmp_path):
    """Changed bytes in the pickle of a checkpoint, which Torch meets with errors of many kinds."""
    path, became = tmp_path / "a.pth", set()
    torch.save({"model": {"a": torch.ones(3, 4), "b": torch.ones(2)}, "metadata": {}}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (pickled,) = (name for name in members if name.endswith("data.pkl"))
    for seed in range(400):
        rng = np.random.default_rng(seed)
        data = bytearray(members[pickled])
        for at in rng.integers(len(data), size=2):
            data[at] ^= 1 << rng.integers(8)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, bytes(data) if name == pickled else content)
        try:
            became.add(type(read_checkpoint(path)))
        except UserError as error:
            became.add(type(error.__cause__))
    assert {dict, IndexError} <= became


def test_exported_weights_predict_the_same_and_carry_their_terms(tmp_path):
    model = tiny_model()
    ManipulationCheckpointer(model, str(tmp_path), metadata={"classes": ["a"]}).save("model", iteration=7)
    source = tmp_path / "model.pth"
    for half in (False, True):
        metadata = export_weights(source, tmp_path / "out.pth", half=half, licence="CC0")
        assert metadata == {"classes": ["a"], "licence": "CC0"}
        assert read_checkpoint(tmp_path / "out.pth").keys() == {"model", "metadata"}
        other = tiny_model(seed=1)
        ManipulationCheckpointer(other).load_strictly(str(tmp_path / "out.pth"))
        for key, value in model.state_dict().items():
            assert other.state_dict()[key].dtype == value.dtype
            near = {"rtol": 1e-3, "atol": 1e-4} if half else {"rtol": 0, "atol": 0}
            assert torch.allclose(other.state_dict()[key], value, **near), key
    assert (tmp_path / "out.pth").stat().st_size < 0.6 * source.stat().st_size
    with pytest.raises(UserError, match="name another file"):
        export_weights(source, source)
