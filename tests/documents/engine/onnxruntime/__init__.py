"""Stands in for what runs the engine\x27s models."""
