"""Mitigations: what a verifier does so that it leaks less of its training."""
