"""Roles that every district knows: whoever holds an operator's token, a programme of the day, a partner's token.

A partner is heard only where `commands.yaml` names `partner` among its roles.
"""

from __future__ import annotations

OPERATOR = "operator"
SCHEDULE = "schedule"
PARTNER = "partner"
