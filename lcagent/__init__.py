"""lcagent."""
