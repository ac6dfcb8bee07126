#!/usr/bin/env python3
"""`constrained-rcnn convert open-nsfw`: convert the ImageNet features of the half-width ResNet-50."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("convert open-nsfw"))
