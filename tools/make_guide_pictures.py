#!/usr/bin/env python3
"""The old name of make_guide_images.py; it ends with the next release."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("guide-images", new="make_guide_images.py"))
