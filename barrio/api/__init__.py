"""The HTTP surface: health, metrics, the twin's current state and its history."""
