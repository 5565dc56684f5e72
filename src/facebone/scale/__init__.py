"""Executors: how many small jobs are run."""
