#!/usr/bin/env python3
"""`constrained-rcnn audit`: measure how well file-level cues alone tell authentic from manipulated."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("audit"))
