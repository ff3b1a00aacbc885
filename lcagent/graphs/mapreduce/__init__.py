"""LLM×MapReduce."""
