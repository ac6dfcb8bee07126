"""A model small enough for tests, and inputs for it."""

from __future__ import annotations

import torch
from detectron2.modeling import build_model
from detectron2.structures import BitMasks, Boxes, Instances

from constrained_rcnn.config import load_config
from constrained_rcnn.model_zoo import config_file

#: The narrowest width GroupNorm allows, and few proposals.
TINY = [
    "MODEL.DEVICE", "cpu",
    "MODEL.RPN.POST_NMS_TOPK_TRAIN", "20",
    "MODEL.RPN.POST_NMS_TOPK_TEST", "10",
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE", "8",
    "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION", "4",
    "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION", "8",
    "DATALOADER.NUM_WORKERS", "0",
]  # fmt: skip

#: A dense path and a decision head beside the boxes.
DENSE = [
    "MODEL.RESNETS.OUT_FEATURES", "['res2','res3','res4']",
    "MODEL.SEM_SEG_HEAD.NAME", "DenseMapHead",
    "MODEL.DENSE_MAP.ENABLED", "True",
    "MODEL.DENSE_MAP.CHANNELS", "32",
    "MODEL.DECISION_HEAD.ENABLED", "True",
]  # fmt: skip


def tiny_cfg(*options: str):
    """The small config, narrowed further, with ``KEY VALUE`` overrides."""
    return load_config(config_file("constrained_rcnn_small.yaml"), [*TINY, *options])


def tiny_model(*options: str, seed: int = 0):
    """A tiny model with fixed random weights."""
    torch.manual_seed(seed)
    return build_model(tiny_cfg(*options))


def sample(height: int, width: int, boxes=(), classes=None, seed: int = 0, extra=None) -> dict:
    """One mapped training sample: noise with the given forged boxes (XYXY), masks filling them.

    ``extra`` is one more box that is manipulated in the complete mask but no instance (a speck).
    """
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    instances = Instances((height, width))
    instances.gt_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    instances.gt_classes = torch.tensor(classes or [0] * len(boxes), dtype=torch.int64)
    masks = torch.zeros(len(boxes), height, width, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        mask[y1:y2, x1:x2] = True
    complete = masks.any(dim=0)
    if extra is not None:
        complete[extra[1] : extra[3], extra[0] : extra[2]] = True
    instances.gt_masks = BitMasks(masks)
    instances.gt_complete_mask = BitMasks(complete[None].expand(len(boxes), -1, -1))
    sem_seg = complete.to(torch.uint8)
    return {"image": image, "instances": instances, "sem_seg": sem_seg, "height": height, "width": width}
