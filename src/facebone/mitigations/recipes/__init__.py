"""Defences of the training recipe: the head learns in another way."""
