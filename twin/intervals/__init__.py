"""Intervals of registers as a utility bills them: exact, checked, estimated, edited, and kept in versions."""
