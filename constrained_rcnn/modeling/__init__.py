"""What runs on tensors; importing it registers every class in Detectron2's registries."""

from .attention_rpn import ATTENDED_FEATURE, AttentionRPN, RPNPredictor
from .backbone import ConstrainedResNet, build_constrained_resnet_backbone
from .constrained_conv import ConstrainedConv2d, project_to_constraint
from .meta_arch import ConstrainedRCNN
from .roi_heads import ConstrainedROIHeads

__all__ = [
    "ATTENDED_FEATURE",
    "AttentionRPN",
    "ConstrainedConv2d",
    "ConstrainedRCNN",
    "ConstrainedROIHeads",
    "ConstrainedResNet",
    "RPNPredictor",
    "build_constrained_resnet_backbone",
    "project_to_constraint",
]
