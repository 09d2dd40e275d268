"""What is missing: of every slot in which a point should have given a reading, what became of it."""
