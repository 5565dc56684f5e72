"""Keyed templates: embeddings of all backbones mixed under a secret before they are stored."""
