"""How good were the hits, on the past."""
