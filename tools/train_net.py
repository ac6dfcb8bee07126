#!/usr/bin/env python3
"""`constrained-rcnn train`: train by a config file."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("train"))
