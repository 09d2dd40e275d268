"""The past: which model was valid when, the twin as it was at any moment, and what changed between two of them."""
