"""Answers that are tables: columns in, any of the formats out, a part at a time."""
