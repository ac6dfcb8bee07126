"""Constrained R-CNN: image manipulation detection and localisation on Detectron2."""

__version__ = "0.1.0"
