"""Detectron2 where pip cannot bring it."""
