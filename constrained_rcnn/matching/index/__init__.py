"""An index of local descriptors: which of very many images may share something with one. Faiss, no Torch."""
