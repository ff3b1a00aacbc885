"""Command line: typer, thin."""
