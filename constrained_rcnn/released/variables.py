"""Every variable of the released network: its name and shape there, its parameter here, and the way between.

The parameters have the names and layouts of the native model, so that training it can start from a converted
checkpoint. On the way axes are permuted, pairs of channels whose softmax is taken become their difference, and
anchors and classes are put into this project's order; none of it changes a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data.techniques import TAMPERED, TECHNIQUES
from ..modeling.backbone import BLOCKS_PER_STAGE

#: Bottlenecks of block1 to block4.
UNITS = {depth: BLOCKS_PER_STAGE[depth] for depth in (50, 101)}
#: Anchors per cell: 3 ratios by 4 scales.
RATIOS, SCALES = 3, 4
#: The released anchors have ratios outside and scales inside, Detectron2's the reverse: which old one is the new n-th.
ANCHOR_ORDER = [SCALES * ratio + scale for scale in range(SCALES) for ratio in range(RATIOS)]
#: Names of the released classes 1, 2, ... by their number; class 0 is "authentic".
RELEASED_CLASSES = {1: (TAMPERED,), 3: ("splice", "removal", "copy-move")}


@dataclass(frozen=True)
class Variable:
    """One variable of the released network.

    Attributes:
        shape: in the checkpoint.
        parameter: name in this project's model; None: nothing here reads it.
        convert: from the stored array to the parameter's, both float32.
    """

    shape: tuple[int, ...]
    parameter: str | None
    convert: Callable[[np.ndarray], np.ndarray] = np.asarray


def classes_of(count: int) -> tuple[tuple[str, ...], list[int]]:
    """Names of this project's classes, and the released number of each.

    Args:
        count: of released classes, authentic left out.

    Returns:
        ("splice", "copy-move", "removal"), [1, 3, 2] for three; ("tampered",), [1] for one; numbered names
        for any other count, of which no weights were published.
    """
    released = RELEASED_CLASSES.get(count, tuple(f"class {i + 1}" for i in range(count)))
    names = TECHNIQUES if set(released) == set(TECHNIQUES) else released
    return names, [1 + released.index(name) for name in names]


def released_variables(depth: int, classes: int, masks: bool) -> dict[str, Variable]:
    """Lists a released model's variables.

    Args:
        depth: 50 or 101.
        classes: number of classes, authentic left out.
        masks: whether the model has the mask branch (stage 2), or is one of stage 1.

    Returns:
        From the variable's name in TensorFlow to what it is.
    """
    net = f"resnet_v1_{depth}"
    _, order = classes_of(classes)
    table = {
        "noise/constrained_conv/weights": Variable((5, 5, 3, 3), "backbone.constrained_conv.weight", _kernel),
        # Always zero: the converter checks.
        "noise/constrained_conv/biases": Variable((3,), None),
        **_convolution(f"{net}/rpn_conv/3x3", (3, 3, 1024, 512), "proposal_generator.conv"),
        **_linear(f"{net}/cbam_rpn_conv1/mlp_1", (512, 256), "proposal_generator.attention.mlp.0"),
        **_linear(f"{net}/cbam_rpn_conv1/mlp_2", (256, 512), "proposal_generator.attention.mlp.2"),
        # Maximum, mean -> mean, maximum.
        **_convolution(
            f"{net}/cbam_rpn_conv1/conv_layer", (7, 7, 2, 1), "proposal_generator.attention.spatial",
            lambda kernel: kernel[:, :, ::-1] if kernel.ndim == 4 else kernel,
        ),
        **_convolution(
            f"{net}/rpn_cls_score", (1, 1, 512, 2 * len(ANCHOR_ORDER)),
            "proposal_generator.rpn_head.objectness_logits", _objectness,
        ),
        **_convolution(
            f"{net}/rpn_bbox_pred", (1, 1, 512, 4 * len(ANCHOR_ORDER)),
            "proposal_generator.rpn_head.anchor_deltas", lambda x: _groups_of_four(x, ANCHOR_ORDER),
        ),
        **_linear(
            f"{net}/cls_score", (2048, classes + 1), "roi_heads.box_predictor.cls_score",
            lambda x: x[..., [*order, 0]],
        ),
        **_linear(
            f"{net}/bbox_pred", (2048, 4 * (classes + 1)), "roi_heads.box_predictor.bbox_pred",
            lambda x: _groups_of_four(x, order),
        ),
        **_normed_convolution(f"{net}/conv1", (7, 7, 3, 64), "backbone.stem.conv1"),
    }  # fmt: skip
    for block, units in enumerate(UNITS[depth], start=1):
        parameter = f"backbone.res{block + 1}" if block < 4 else "roi_heads.res5"
        table.update(_block(f"{net}/block{block}", block, units, parameter))
    if masks:
        table.update(_block("mask_conv/block4", 4, UNITS[depth][3], "roi_heads.mask_res5"))
        table.update(_mask_branch())
    return table


def _mask_branch() -> dict[str, Variable]:
    prefix = "roi_heads.mask_predictor"
    table = {
        **_convolution("feature_fuse/mask_fuse", (1, 1, 512, 1024), "roi_heads.mask_fusion.conv"),
        **_convolution("mask_predict/Conv2d_transpose", (2, 2, 256, 2048), f"{prefix}.upsample", channels=256),
        "mask_predict/Conv/weights": Variable((1, 1, 256, 64), f"{prefix}.hidden.weight", _kernel),
        # Background, foreground -> foreground minus background.
        **_convolution("mask_predict/Conv_1", (1, 1, 64, 2), f"{prefix}.predictor", lambda x: x[..., 1:] - x[..., :1]),
    }
    for index, name in enumerate(("mask_predict/Conv/BatchNorm", "mask_predict/BatchNorm")):
        table[f"{name}/beta"] = Variable((64,), f"{prefix}.norm.{index}.bias")
        # Never read: the released network normalises masks by the statistics of the boxes at hand.
        table.update({f"{name}/moving_{kind}": Variable((64,), None) for kind in ("mean", "variance")})
    return table


def _block(name: str, block: int, units: int, parameter: str) -> dict[str, Variable]:
    """The bottlenecks of block1 (64 channels inside) to block4 (512)."""
    inside = 64 * 2 ** (block - 1)
    table = {}
    for unit in range(units):
        in_channels = 4 * inside if unit else (64 if block == 1 else 2 * inside)
        shapes = {
            "conv1": (1, 1, in_channels, inside),
            "conv2": (3, 3, inside, inside),
            "conv3": (1, 1, inside, 4 * inside),
        }
        if unit == 0:
            shapes["shortcut"] = (1, 1, in_channels, 4 * inside)
        for layer, shape in shapes.items():
            source_name = f"{name}/unit_{unit + 1}/bottleneck_v1/{layer}"
            table.update(_normed_convolution(source_name, shape, f"{parameter}.{unit}.{layer}"))
    return table


def _kernel(array: np.ndarray) -> np.ndarray:
    """HWIO -> OIHW, and of a transposed convolution HWOI -> IOHW; vectors stay."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def _convolution(name, shape, parameter, change=np.asarray, channels=None) -> dict[str, Variable]:
    """A convolution with a bias; ``change`` works on the last axis of kernel and bias alike."""
    return {
        f"{name}/weights": Variable(shape, f"{parameter}.weight", lambda x: _kernel(change(x))),
        f"{name}/biases": Variable((channels or shape[-1],), f"{parameter}.bias", change),
    }


def _linear(name, shape, parameter, change=np.asarray) -> dict[str, Variable]:
    """A fully connected layer, [in, out] -> [out, in]."""
    return {
        f"{name}/weights": Variable(shape, f"{parameter}.weight", lambda x: change(x).T),
        f"{name}/biases": Variable(shape[1:], f"{parameter}.bias", change),
    }


def _normed_convolution(name, shape, parameter) -> dict[str, Variable]:
    """A convolution without bias and its frozen batch normalisation."""
    table = {f"{name}/weights": Variable(shape, f"{parameter}.weight", _kernel)}
    norms = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    for source_part, target_part in norms.items():
        table[f"{name}/BatchNorm/{source_part}"] = Variable(shape[-1:], f"{parameter}.norm.{target_part}")
    return table


def _objectness(array: np.ndarray) -> np.ndarray:
    """All background channels, then all foreground ones -> foreground minus background, anchors reordered."""
    anchors = len(ANCHOR_ORDER)
    return (array[..., anchors:] - array[..., :anchors])[..., ANCHOR_ORDER]


def _groups_of_four(array: np.ndarray, order: list[int]) -> np.ndarray:
    """Picks groups of four neighbours (a box's deltas) along the last axis."""
    groups = array.reshape(*array.shape[:-1], -1, 4)[..., order, :]
    return groups.reshape(*array.shape[:-1], -1)
