"""From published sources to the annotation format. No Torch."""
