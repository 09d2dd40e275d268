"""What makes the twin more than a mirror: its parts are put together, given their tick, and brought to an end."""
