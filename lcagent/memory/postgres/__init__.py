"""A store in PostgreSQL; nothing of it is imported where none is used."""
