"""Training and evaluating a model."""
