"""LongAgent."""
