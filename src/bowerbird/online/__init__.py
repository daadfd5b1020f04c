"""How good lists are on the live: what they earned, and how sure that is."""
