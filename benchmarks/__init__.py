"""Slow studies. `python -m benchmarks` runs them all; results go to benchmarks/results/."""
