"""Attacks that copy a verifier by asking it about pairs of the attacker's own pictures."""
