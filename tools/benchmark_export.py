#!/usr/bin/env python3
"""`constrained-rcnn benchmark export`: compare the exported network with the model."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark export"))
