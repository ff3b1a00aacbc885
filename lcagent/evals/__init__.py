"""Evals: task generators, scorers, baselines, and the one harness that judges every strategy."""
