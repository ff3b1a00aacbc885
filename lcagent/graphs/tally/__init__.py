"""Tally: what a model labels, code counts."""
