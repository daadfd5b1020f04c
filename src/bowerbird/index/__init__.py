"""Vectors find their nearest rows; numbers only."""
