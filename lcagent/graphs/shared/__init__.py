"""What strategies share: task, reading, evidence, retrieval, answering, checks."""
