"""The background task that makes rollups, and what it says of itself."""
