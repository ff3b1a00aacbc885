"""Models: who thinks."""
