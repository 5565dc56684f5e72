"""Data: pictures, faces, pairs, splits, and the store of embeddings."""
