"""Agents: the roles, one file a role."""
