"""Roles that every district knows: whoever holds the operator's token, and a programme of the day."""

from __future__ import annotations

OPERATOR = "operator"
SCHEDULE = "schedule"
