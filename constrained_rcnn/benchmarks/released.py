"""What the released network costs here: beside stock Mask R-CNN R-101-C4, and in bfloat16 beside float32."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from detectron2 import model_zoo
from detectron2.modeling import build_model
from detectron2.modeling.backbone.resnet import BottleneckBlock

from ..config import load_config
from ..inference.load import prepare
from ..model_zoo import config_file
from ..modeling.checkpoint import ManipulationCheckpointer
from ..released.preprocessing import resize, resize_scale
from .model import MASK_BOXES, PROPOSALS, seconds


def models(device: str, weights: str = ""):
    """Builds the released 101-layer network and Mask R-CNN R-101-C4 with the same workload.

    Args:
        device: "cpu" or "cuda".
        weights: converted checkpoint of the released network, else random ones; Mask R-CNN's are random.

    Returns:
        The two models in evaluation mode.
    """
    stock = model_zoo.get_config("COCO-InstanceSegmentation/mask_rcnn_R_101_C4_3x.yaml")
    shared = [
        "MODEL.WEIGHTS", "", "MODEL.DEVICE", device, "MODEL.ROI_HEADS.NUM_CLASSES", "3",
        "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.0", "MODEL.RPN.PRE_NMS_TOPK_TEST", "6000",
        "MODEL.RPN.POST_NMS_TOPK_TEST", str(PROPOSALS), "TEST.DETECTIONS_PER_IMAGE", str(MASK_BOXES),
    ]  # fmt: skip
    stock.merge_from_list(shared)
    torch.manual_seed(0)
    networks = [
        build_model(cfg).eval()
        for cfg in (load_config(config_file("constrained_rcnn_R_101_C4_tensorflow.yaml"), shared), stock)
    ]
    for model in networks:
        _tame(model)
    if weights:
        ManipulationCheckpointer(networks[0]).load_strictly(weights)
    return tuple(networks)


def _tame(model) -> None:
    """Keeps random activations finite through 33 residual blocks; else no proposal survives, and no work is done."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, BottleneckBlock):
                module.conv3.weight.mul_(0.2)


def compare(
    images: list[torch.Tensor], repeats: int, device: str = "cpu", weights: str = "", progress: Callable = iter
) -> dict[str, float]:
    """Times a forward pass of the released network, of Mask R-CNN, and of the released one in bfloat16, in turns.

    The released network runs in the form the predictor gives it (:func:`..inference.load.prepare`).

    Args:
        images: (3, H, W) uint8, BGR; the networks see them resized as the release does (600x900 stays). Times are
            those of the first, maps are compared on all.
        repeats: counted rounds, after one that is not counted.
        device, weights: see :func:`models`.
        progress: wraps the iterations over rounds and images.

    Returns:
        Median seconds "released", "mask_rcnn" and "bfloat16"; medians of the ratios within each round, "ratio"
        (released over mask_rcnn) and "bfloat16_ratio" (bfloat16 over released); and lists with an entry per image of
        how far a map is from the float32 one, mean and maximum (absolute): "map_mean" and "map_max" in bfloat16;
        "same_boxes_..." where bfloat16 masks the eight boxes that float32 has chosen; and "rounded_once_..." in
        float32 but for one tensor, the backbone's last feature, rounded to bfloat16 once. The choice is among
        hundreds of boxes by probability alone, so a small error can exchange one for another, and box corners
        are cut to whole pixels, so it can move an edge.
    """
    released, stock = models(device, weights)
    prepare(released)
    hooks = [m.proposal_generator.register_forward_hook(_require_all_proposals) for m in (released, stock)]
    items = [{"image": image, "height": image.shape[1], "width": image.shape[2]} for image in images]
    item = items[0]
    # The released network resizes its input itself; Mask R-CNN gets the same size.
    scale = resize_scale(item["height"], item["width"])
    same_size = {**item, "image": resize(item["image"].float(), scale)}
    runs = {
        "released": lambda: _forward(released, item),
        "mask_rcnn": lambda: _forward(stock, same_size),
        "bfloat16": lambda: _in_bfloat16(released, item),
    }
    rounds = []
    for index in progress(range(repeats + 1)):
        times = {name: seconds(run, device=device) for name, run in runs.items()}
        if index:
            rounds.append(times)
    for hook in hooks:
        hook.remove()
    return {
        **{name: statistics.median(r[name] for r in rounds) for name in runs},
        "ratio": statistics.median(r["released"] / r["mask_rcnn"] for r in rounds),
        "bfloat16_ratio": statistics.median(r["bfloat16"] / r["released"] for r in rounds),
        **_differences(released, progress(items)),
    }


def _differences(model, items) -> dict[str, list[float]]:
    differences = {
        f"{name}_{statistic}": [] for name in ("map", "same_boxes", "rounded_once") for statistic in ("mean", "max")
    }
    for item in items:
        with torch.inference_mode():
            proposals = model.inference([item], do_postprocess=False)
        exact = _forward(model, item)["manipulation_map"]
        variants = {
            "map": _in_bfloat16(model, item),
            "same_boxes": _in_bfloat16(model, item, proposals),
            "rounded_once": _rounded_once(model, item),
        }
        for name, output in variants.items():
            distance = (output["manipulation_map"] - exact).abs()
            differences[f"{name}_mean"].append(float(distance.mean()))
            differences[f"{name}_max"].append(float(distance.max()))
    return differences


def _rounded_once(model, item) -> dict:
    last = model.roi_heads.box_in_feature
    hook = model.backbone.register_forward_hook(
        lambda _, inputs, features: {**features, last: features[last].bfloat16().float()}
    )
    try:
        return _forward(model, item)
    finally:
        hook.remove()


def _require_all_proposals(_, inputs, output) -> None:
    """A forward hook: a network with fewer proposals than the others would win for nothing."""
    count = len(output[0][0])
    if count != PROPOSALS:
        raise RuntimeError(f"{count} proposals instead of {PROPOSALS}")


def _forward(model, item, proposals=None) -> dict:
    with torch.inference_mode():
        return model.inference([item], proposals)[0]


def _in_bfloat16(model, item, proposals=None) -> dict:
    model.bfloat16 = True
    try:
        return _forward(model, item, proposals)
    finally:
        model.bfloat16 = False
