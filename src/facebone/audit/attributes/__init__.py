"""Attributes in an audit: what templates and scores of a target tell of people."""
