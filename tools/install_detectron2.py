#!/usr/bin/env python3
"""`constrained-rcnn install-detectron2`: install Detectron2 0.6 from the package index."""

import os
import sys

# The one script that runs before the package is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from constrained_rcnn.apps.cli import front  # noqa: E402

if __name__ == "__main__":
    sys.exit(front("install-detectron2"))
