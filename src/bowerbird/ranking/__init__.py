"""Candidates become the list."""
