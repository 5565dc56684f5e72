"""Linkage in an audit: records of a target are linked with those of another database."""
