#!/usr/bin/env python3
"""`constrained-rcnn convert tensorflow`: convert a published TensorFlow checkpoint."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("convert tensorflow"))
