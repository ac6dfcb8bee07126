"""Reading images and masks from whoever sends them: bounded, upright, lossless. No Torch."""
