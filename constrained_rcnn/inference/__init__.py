"""From an image to a decision: predictor, test-time augmentation, tiles, operating points."""
