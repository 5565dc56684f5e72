"""Linkage: which records of two databases show one person, and who they are."""
