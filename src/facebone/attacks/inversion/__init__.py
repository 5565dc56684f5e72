"""Reconstruction: from what leaks of a person to a picture of them."""
