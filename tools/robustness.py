#!/usr/bin/env python3
"""`constrained-rcnn robustness`: evaluate on compressed, noisy, blurred and resized images."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("robustness"))
