"""Differentially private training of heads, with the unit it protects named."""
