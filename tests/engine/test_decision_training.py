"""The decision head fitted to whole images: what it learns, what it leaves alone, what it refuses."""

import pytest
import torch

from constrained_rcnn.engine import decision_training
from constrained_rcnn.engine.decision_training import fit_decision
from constrained_rcnn.inference.load import load_for_inference
from constrained_rcnn.inference.operating_points import KEY, OperatingPoints
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer, read_checkpoint
from constrained_rcnn.modeling.decision_head import DecisionHead
from constrained_rcnn.modeling.meta_arch import ConstrainedRCNN
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, tiny_cfg, tiny_model
from tests.helpers.tiny_data import write_set


@pytest.fixture
def weights(tmp_path):
    points = OperatingPoints({"kind": torch.zeros(1).numpy()}, {"kind": 0.0}, 0.01)
    metadata = {"classes": ["splice", "copy-move", "removal"], KEY: points.to_metadata()}
    ManipulationCheckpointer(tiny_model(*DENSE), str(tmp_path), metadata=metadata).save("model")
    return str(tmp_path / "model.pth")


def test_only_the_head_is_fitted(weights, tmp_path):
    data, output = write_set(tmp_path / "data", "train", 16, authentic_every=2), str(tmp_path / "fitted.pth")
    cfg, passed = tiny_cfg(*DENSE, "MODEL.WEIGHTS", weights, "TEST.REDUCE_ABOVE", "3000"), []
    result = fit_decision(cfg, [data], output, progress=lambda items: [passed.append(len(items)), items][1])
    assert (result["images"], result["forged"]) == (16, 8) and passed == [16]
    original, fitted = read_checkpoint(weights), read_checkpoint(output)
    assert fitted["metadata"] == {"classes": ["splice", "copy-move", "removal"]}  # the points were of the old head
    changed = {name for name, value in fitted["model"].items() if not torch.equal(value, original["model"][name])}
    assert changed == {name for name in original["model"] if name.startswith("decision.")}
    model, _ = load_for_inference(tiny_cfg(*DENSE, "MODEL.WEIGHTS", output))
    assert model.operating_points is None
    second_result = fit_decision(cfg, [data], str(tmp_path / "again.pth"))
    assert second_result == pytest.approx(result, nan_ok=True)
    repeated = read_checkpoint(str(tmp_path / "again.pth"))["model"]
    assert all(torch.equal(value, repeated[name]) for name, value in fitted["model"].items())


def test_the_limit_is_of_each_dataset(weights, tmp_path):
    data = [write_set(tmp_path / name, name, 8, authentic_every=2, seed=seed) for seed, name in enumerate("ab")]
    cfg = tiny_cfg(*DENSE, "MODEL.WEIGHTS", weights)
    assert fit_decision(cfg, data, str(tmp_path / "o.pth"), limit=6)["images"] == 12


def test_images_are_reduced_as_the_config_asks(weights, tmp_path, monkeypatch):
    data, shapes = write_set(tmp_path / "data", "train", 8, authentic_every=2), []
    describe = ConstrainedRCNN.describe
    monkeypatch.setattr(
        ConstrainedRCNN, "describe", lambda model, image: shapes.append(image.shape[1:]) or describe(model, image)
    )
    for options in ((), ("INPUT.REDUCED", "1.0", "INPUT.REDUCED_FACTORS", "(0.5,0.5)")):
        fit_decision(tiny_cfg(*DENSE, "MODEL.WEIGHTS", weights, *options), [data], str(tmp_path / "o.pth"))
    assert len(shapes) == 16
    assert all(abs(2 * half - whole) <= 1 for a, b in zip(shapes[:8], shapes[8:]) for whole, half in zip(a, b))


def test_it_separates_what_can_be_separated():
    """Vectors of very unequal scales, nine of ten forged: one of them tells, the others are noise."""
    torch.manual_seed(0)
    labels = (torch.arange(400) % 10 > 0).float()
    vectors = torch.randn(400, 12) * torch.logspace(-3, 3, 12) + 50
    vectors[:, 4] = 7 + 0.01 * labels + 0.002 * torch.randn(400)
    head = DecisionHead(4, hidden=16)
    untouched = {name: value.clone() for name, value in head.state_dict().items()}
    fitted = decision_training._fit(head, vectors, labels, seed=0)
    with torch.no_grad():
        logits = fitted.decide(vectors)
    assert decision_training._auc(logits, labels) > 0.97
    assert logits[labels > 0].median() > 0 > logits[labels == 0].median()  # both kinds weigh the same
    assert all(torch.equal(value, untouched[name]) for name, value in head.state_dict().items())


def test_auc_counts_pairs():
    scores, labels = torch.tensor([0.1, 0.5, 0.5, 0.9]), torch.tensor([0.0, 0, 1, 1])
    assert decision_training._auc(scores, labels) == (3 + 0.5) / 4


def test_what_is_refused(weights, tmp_path):
    output = tmp_path / "o.pth"
    without = tiny_cfg(*DENSE, "MODEL.DECISION_HEAD.ENABLED", "False", "MODEL.WEIGHTS", weights)
    with pytest.raises(UserError, match="MODEL.DECISION_HEAD.ENABLED is False"):
        fit_decision(without, [], str(output))
    authentic = write_set(tmp_path / "data", "train", 4, authentic_every=1)
    with pytest.raises(UserError, match="images of one kind only"):
        fit_decision(tiny_cfg(*DENSE, "MODEL.WEIGHTS", weights), [authentic], str(output))
    assert not output.exists()
