#!/usr/bin/env python3
"""`constrained-rcnn benchmark evidence`: time the witnesses of the evidence sheet."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark evidence"))
