"""What the model costs beside stock Mask R-CNN R-101-C4, as ratios measured in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from detectron2 import model_zoo
from detectron2.layers import FrozenBatchNorm2d
from detectron2.modeling import build_model
from detectron2.structures import BitMasks, Boxes, Instances
from detectron2.utils.events import EventStorage

from ..config import load_config
from ..inference.load import prepare
from ..model_zoo import config_file

#: Proposals, and boxes that get a mask, on both sides.
PROPOSALS, MASK_BOXES = 100, 8


def models(device: str):
    """Builds both networks with random weights and the same workload.

    Returns:
        {"constrained": model, "mask_rcnn": model}, each with three classes.
    """
    shared = [
        "MODEL.WEIGHTS", "", "MODEL.DEVICE", device,
        "MODEL.ROI_HEADS.NUM_CLASSES", "3", "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.0",
        "MODEL.RPN.PRE_NMS_TOPK_TEST", "6000", "MODEL.RPN.POST_NMS_TOPK_TEST", str(PROPOSALS),
        "MODEL.RPN.PRE_NMS_TOPK_TRAIN", "6000", "MODEL.RPN.POST_NMS_TOPK_TRAIN", str(PROPOSALS),
        "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE", str(PROPOSALS),
        "MODEL.ROI_HEADS.POSITIVE_FRACTION", str(MASK_BOXES / PROPOSALS),
        "TEST.DETECTIONS_PER_IMAGE", str(MASK_BOXES), "MODEL.BACKBONE.FREEZE_AT", "0",
        "INPUT.MASK_FORMAT", "bitmask",
    ]  # fmt: skip
    stock = model_zoo.get_config("COCO-InstanceSegmentation/mask_rcnn_R_101_C4_3x.yaml")
    stock.merge_from_list(shared)
    constrained = load_config(config_file("constrained_rcnn_R_101_C4.yaml"), shared)
    torch.manual_seed(0)
    networks = {"constrained": build_model(constrained), "mask_rcnn": build_model(stock)}
    for model in networks.values():
        tame(model)
    return networks


@torch.no_grad()
def tame(model) -> None:
    """Lets random weights give the full workload: activations stay finite and boxes stay where anchors are.

    Without trained weights residual sums grow from block to block, and wild boxes would be dropped or fall to
    NMS on one side and not on the other.
    """
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.weight.fill_(0.2)
    for layer in (model.proposal_generator.rpn_head.anchor_deltas, model.roi_heads.box_predictor.bbox_pred):
        layer.weight.zero_()


def sample(height: int, width: int) -> dict:
    """One image of noise with eight forged boxes, as both networks take it."""
    instances = Instances((height, width))
    left = torch.arange(MASK_BOXES) * (width // (MASK_BOXES + 1))
    boxes = torch.stack([left, left // 2, left + width // 8, left // 2 + height // 3], dim=1).float()
    masks = torch.zeros(MASK_BOXES, height, width, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist()):
        mask[y1:y2, x1:x2] = True
    instances.gt_boxes, instances.gt_masks = Boxes(boxes), BitMasks(masks)
    instances.gt_classes = torch.arange(MASK_BOXES) % 3
    instances.gt_complete_mask = BitMasks(masks.any(dim=0)[None].expand(MASK_BOXES, -1, -1))
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
    return {"image": image, "height": height, "width": width, "instances": instances}


def compare(height: int, width: int, repeats: int, device: str = "cpu", progress=iter) -> dict:
    """Times a forward pass and a training step of both networks in turns; then ours optimised for inference (see
    :func:`..inference.load.prepare`) beside stock Mask R-CNN's forward pass, in float32 and in bfloat16.

    Args:
        height, width: of the image, pixels.
        repeats: counted pairs, after one pair that is not counted.
        device: "cpu" or "cuda".
        progress: wraps the iteration over pairs.

    Returns:
        {"forward": ..., "training step": ..., "detection": ..., "detection in bfloat16": ...}, each with "constrained"
        and "mask_rcnn" (median seconds),
        "ratio" (median of the pairwise ratios), "ratio_min" and "ratio_max".
    """
    networks, item = models(device), sample(height, width)
    results = {}
    _check_workload(networks, item)
    for step in ("forward", "training step", "detection", "detection in bfloat16"):
        run = _train_step if step == "training step" else _forward
        if step == "detection":
            prepare(networks["constrained"].eval())
        networks["constrained"].bfloat16 = step == "detection in bfloat16"
        pairs = []
        for index in progress(range(repeats + 1)):
            times = {name: seconds(run, model, item, device=device) for name, model in networks.items()}
            if index:
                pairs.append(times)
        ratios = [p["constrained"] / p["mask_rcnn"] for p in pairs]
        results[step] = {name: statistics.median(p[name] for p in pairs) for name in networks}
        results[step].update(ratio=statistics.median(ratios), ratio_min=min(ratios), ratio_max=max(ratios))
    return results


def _check_workload(networks, item) -> None:
    """Both sides must give masks for as many boxes, or the ratio says nothing."""
    for name, model in networks.items():
        with torch.inference_mode():
            instances = model.eval()([item])[0]["instances"]
        if len(instances) != MASK_BOXES:
            raise RuntimeError(f"{name} gave masks for {len(instances)} boxes instead of {MASK_BOXES}")


def _forward(model, item) -> None:
    model.eval()
    with torch.inference_mode():
        model([item])


def _train_step(model, item) -> None:
    model.train()
    with EventStorage(0):
        sum(model([item]).values()).backward()
    model.zero_grad(set_to_none=True)


def seconds(step: Callable, *inputs, device: str = "cpu") -> float:
    """Time of ``step(*inputs)``; what it draws at random is the same every time."""
    torch.manual_seed(0)
    started = time.perf_counter()
    step(*inputs)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
