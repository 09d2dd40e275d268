"""How much one request may ask for; each bound is named in the answer to whoever meets it."""

from __future__ import annotations

LONGEST_PATH = 1_000
MOST_SEGMENTS = 12
LONGEST_OPTION = 4_000
"""Characters of one query option."""
MOST_TOKENS = 500
"""Tokens of one filter."""
DEEPEST = 30
"""Parentheses, calls and operators inside one another."""
DEEPEST_EXPAND = 6
MOST_EXPANDED = 40
"""Relations that one request expands."""
MOST_ORDERS = 8

USUAL_PAGE = 100
MOST_PAGE = 1_000
MOST_TOP = 1_000_000
MOST_SKIPPED = 1_000_000_000
MOST_ENTITIES = 50_000
"""Entities of one answer, the expanded ones included."""

MOST_STEPS = 2_000_000
"""Parts of a filter or an order times the entities that they are worked out for, and those reached by relations."""
MOST_SCANNED = 500_000
"""Observations that one request reads from the store."""
MOST_READS = 300
"""Questions that one request puts to the store."""
LONGEST_S = 10.0
"""Seconds that one request works at most: what could not be estimated ends then."""
READS_A_REQUEST, SCANNED_A_REQUEST, STEPS_A_REQUEST, ENTITIES_A_REQUEST = 10, 10_000, 100_000, 1_000
"""What costs of the caller's rate as much as a request of its own."""
MOST_COUNTED = 1_000
"""Datastreams whose observations are counted over any time; of more only those of one day."""
