"""Detection with the package's weights where neither Torch nor Detectron2 is installed."""
