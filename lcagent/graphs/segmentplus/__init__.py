"""SEGMENT+."""
