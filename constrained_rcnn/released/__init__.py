"""The authors' released TensorFlow network: its own pieces, and the conversion of its published weights.

Importing it registers the classes that the ``*_tensorflow.yaml`` configs name. Everything here differs from
the native model only where the released code does; each docstring says in what.
"""

from ..utils.dependencies import require_detectron2

require_detectron2()

from .meta_arch import ReleasedRCNN  # noqa: E402
from .resnet import ReleasedBottleneck, ReleasedConstrainedConv2d, build_released_resnet_backbone  # noqa: E402
from .roi_heads import ReleasedBoxPredictor, ReleasedROIHeads  # noqa: E402
from .rpn import ReleasedAnchorGenerator, ReleasedCBAM, ReleasedRPN  # noqa: E402

__all__ = [
    "ReleasedAnchorGenerator",
    "ReleasedBottleneck",
    "ReleasedBoxPredictor",
    "ReleasedCBAM",
    "ReleasedConstrainedConv2d",
    "ReleasedRCNN",
    "ReleasedROIHeads",
    "ReleasedRPN",
    "build_released_resnet_backbone",
]
