"""FaceBone: train the head on embeddings from many backbones instead of one."""
