"""Weights for the released network's variables: fixed by name, shape and seed, so that no file has to hold them.

The golden outputs beside this file come from the original network under TensorFlow 0.12.1 with these weights.
Randomness is NumPy's frozen Mersenne Twister, seeded by a digest of the name, and only its 53-bit uniforms;
the rest is element-wise float64 with one rounding to float32. So every NumPy gives the same bits.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

#: Standard deviation of a kernel over sqrt(2 / fan-in), by the end of its name; the first that fits.
GAINS = (
    ("/bottleneck_v1/conv3/weights", 0.22),
    ("/bottleneck_v1/shortcut/weights", 0.7),
    ("/rpn_conv/3x3/weights", 1.0),
    ("/cbam_rpn_conv1/mlp_1/weights", 0.15),
    ("/cbam_rpn_conv1/mlp_2/weights", 0.3),
    ("/cbam_rpn_conv1/conv_layer/weights", 0.05),
    ("resnet_v1_101/rpn_cls_score/weights", 0.5),
    ("resnet_v1_101/rpn_bbox_pred/weights", 0.12),
    ("resnet_v1_101/cls_score/weights", 0.5),
    ("resnet_v1_101/bbox_pred/weights", 1.0),
    ("/rpn_cls_score/weights", 1.5),
    ("/rpn_bbox_pred/weights", 0.3),
    ("/cls_score/weights", 1.2),
    ("/bbox_pred/weights", 2.0),
)
STEM_GAIN = 0.05
#: Kernels whose taps sum to zero over the input channels.
ZERO_SUM = ("/rpn_cls_score/weights", "/rpn_bbox_pred/weights", "/cls_score/weights", "/bbox_pred/weights")


def weights_for(name: str, shape, seed: int) -> np.ndarray:
    """Returns the float32 array of the variable ``name``, of that shape, for a seed (7 for 50 layers, 3 for 101)."""
    shape = tuple(shape)
    digest = hashlib.sha256(f"{seed}|{name}".encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
    rng = np.random.RandomState(np.array(words, dtype=np.uint32))
    leaf = name.rsplit("/", 1)[-1]
    if name.startswith("noise/constrained_conv/"):
        array = _constrained(rng, shape) if leaf == "weights" else np.zeros(shape)
    elif leaf == "weights":
        array = _kernel(rng, name, shape)
    else:
        offset, spread = {
            "gamma": (1, 0.1),
            "beta": (0, 0.1),
            "moving_mean": (0, 0.1),
            "moving_variance": (1, 0.25),
            "biases": (0, 0.05),
        }[leaf]
        array = offset + spread * _unit(rng, shape)
    return array.astype(np.float32)


def _unit(rng, shape):
    """Uniform with mean 0 and variance 1."""
    return (rng.random_sample(shape) - 0.5) * math.sqrt(12.0)


def _constrained(rng, shape):
    """Centre -1, the other taps of each kernel sum to 1 (added up in a fixed order)."""
    weights = rng.random_sample(shape) - 0.2
    middle = shape[0] // 2, shape[1] // 2
    weights[middle] = 0.0
    total = np.zeros(shape[2:])
    for y in range(shape[0]):
        for x in range(shape[1]):
            total = total + weights[y, x]
    weights = weights / total
    weights[middle] = -1.0
    return weights


def _kernel(rng, name, shape):
    if name.endswith("/Conv2d_transpose/weights"):
        fan_in = shape[3]
    else:
        fan_in = shape[0] * shape[1] * shape[2] if len(shape) == 4 else shape[0]
    default = STEM_GAIN if shape[:3] == (7, 7, 3) else 1.0
    gain = next((gain for suffix, gain in GAINS if name.endswith(suffix)), default)
    weights = _unit(rng, shape)
    if name.endswith(ZERO_SUM):
        weights = (weights - np.roll(weights, 1, axis=len(shape) - 2)) / math.sqrt(2.0)
    return gain * math.sqrt(2.0 / fan_in) * weights
