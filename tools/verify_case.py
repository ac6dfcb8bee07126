#!/usr/bin/env python3
"""`constrained-rcnn verify`: check a sealed case, and detect in it again."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("verify"))
