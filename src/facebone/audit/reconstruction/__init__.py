"""Reconstruction in an audit: who is attacked, with what, and who recognises the pictures."""
