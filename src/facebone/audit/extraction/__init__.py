"""Extraction in an audit: a target is copied by asking it, and the copies are judged."""
