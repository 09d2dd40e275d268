"""From frames to durable batches: checking and settling readings, and the spool that keeps them until stored."""
