"""Graphs: the strategies, one LangGraph graph a file."""
