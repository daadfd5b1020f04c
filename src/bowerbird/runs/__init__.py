"""Make, compare and keep: a recipe becomes a run folder."""
