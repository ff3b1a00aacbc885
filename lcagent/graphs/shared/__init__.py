"""What strategies share: task, trust, reading, evidence, condensing, answering, checks."""
