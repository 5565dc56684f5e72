"""Backbones: pre-trained networks behind one protocol."""
