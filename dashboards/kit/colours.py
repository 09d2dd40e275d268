"""Colours that everybody can tell apart, and what they mean.

The eight of Okabe and Ito (2008), made so that people with any kind of colour blindness tell them apart; each also
has its own brightness. Red is never set against green: good is blue, attention is orange, bad is vermillion, and the
word stands beside the colour.
"""

from __future__ import annotations

from typing import Final

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
ORANGE: Final = "#E69F00"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8E8E8E"

GOOD: Final = BLUE
IDLE: Final = GREY
BUSY: Final = SKY
ATTENTION: Final = ORANGE
BAD: Final = VERMILLION
UNKNOWN: Final = PURPLE

PALETTE: Final = (BLUE, ORANGE, SKY, VERMILLION, PURPLE, GREEN, YELLOW, GREY)
"""For lines, in turn; each has its name beside it as well."""

PRIORITIES: Final = {"critical": VERMILLION, "high": ORANGE, "medium": YELLOW, "low": SKY}
