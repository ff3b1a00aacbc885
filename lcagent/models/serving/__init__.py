"""Serving: vLLM, the embedded engine, weights, and which of them is used."""
