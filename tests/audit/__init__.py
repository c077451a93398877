"""A small lake with a row of every kind, every way to damage a row of it, and what a repair must bring back."""
