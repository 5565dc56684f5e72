"""Attacks: what an attacker does with what they can see of a verifier."""
