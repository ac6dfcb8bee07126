#!/usr/bin/env python3
"""The old name of evaluate_copy_move.py; it ends with the next release."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-copy-move", new="evaluate_copy_move.py"))
