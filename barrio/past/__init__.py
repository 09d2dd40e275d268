"""The past: the twin at a moment, what stood beside its readings, and what is missing of it."""
