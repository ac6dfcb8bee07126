#!/usr/bin/env python3
"""`constrained-rcnn prepare convert-format`: import and export the lists of other tools."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare convert-format"))
