"""Memory: what is kept."""
