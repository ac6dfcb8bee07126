#!/usr/bin/env python3
"""Compares pictures with each other; the same as the command constrained-rcnn-compare."""

import sys

from constrained_rcnn.apps.compare.command import main

if __name__ == "__main__":
    sys.exit(main())
