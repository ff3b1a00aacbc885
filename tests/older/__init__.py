"""Stores as older versions of this program have made them, as SQL, and how they were made."""
