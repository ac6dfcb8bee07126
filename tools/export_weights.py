#!/usr/bin/env python3
"""`constrained-rcnn export`: write a checkpoint to hand on, without optimizer."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("export"))
