"""From files to dataset dicts and batches. Nothing but catalog and mapper needs Torch or Detectron2."""
