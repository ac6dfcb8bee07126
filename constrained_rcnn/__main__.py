"""``python -m constrained_rcnn`` is ``constrained-rcnn``, where scripts are not on the path."""

import sys

from .apps.cli import main

if __name__ == "__main__":
    sys.exit(main())
