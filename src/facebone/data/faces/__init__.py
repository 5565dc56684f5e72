"""Faces in pictures: decode, detect, choose, align."""
