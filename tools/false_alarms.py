#!/usr/bin/env python3
"""`constrained-rcnn false-alarms`: count how often authentic images are called manipulated."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("false-alarms"))
