"""What happens now, to whoever listens: one ring of recent events, and a bounded place in it for each of them."""
