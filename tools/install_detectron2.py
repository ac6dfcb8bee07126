#!/usr/bin/env python
"""Installs Detectron2 0.6 into the environment of the interpreter that runs this."""

import os
import sys

# The one tool that runs before the package is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from constrained_rcnn.install.detectron2 import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
