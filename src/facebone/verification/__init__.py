"""Verification: engine, heads, verifier, utility."""
