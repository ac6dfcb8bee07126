#!/usr/bin/env python3
"""`constrained-rcnn prepare columbia`: prepare Columbia's uncompressed splicing set."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare columbia"))
