"""A run folder read back, and its surfaces asked: what training and serving both stand on."""
