"""Attribute inference: what a person is like, from templates or from scores alone."""
