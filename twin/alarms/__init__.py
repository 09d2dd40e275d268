"""Alarms: rules that a district writes, what they notice, and what people do about it."""
