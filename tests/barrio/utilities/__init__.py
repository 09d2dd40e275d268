"""The page for utilities: its examples, run as a reader runs them."""
