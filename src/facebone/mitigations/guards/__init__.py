"""Defences of answers: what a verifier shows of its log odds."""
