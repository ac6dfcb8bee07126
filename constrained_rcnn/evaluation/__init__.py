"""What a number means: metrics, evaluators, baselines. The metrics need neither Torch nor Detectron2."""
