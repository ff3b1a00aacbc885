"""Runs: the one runner, its records, resume."""
