#!/usr/bin/env python
"""Makes a set of forged images (splice, copy-move, removal) from ordinary photos, with complete masks."""

from __future__ import annotations

import sys

from constrained_rcnn.apps.synthesize import main

if __name__ == "__main__":
    sys.exit(main())
