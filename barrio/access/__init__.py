"""Who asks, and what exists for them."""
