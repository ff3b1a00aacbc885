"""Memory for what others build with: a store for LangGraph, middleware and tools for LangChain's agents."""
