"""Freshness and order of notifications."""

from __future__ import annotations

import pytest

from connectors.coap.observation import Order, Pace, next_slot

LAST = 2**24 - 1


@pytest.mark.parametrize(
    ("before", "after", "wait_s", "news"),
    [
        (5, 6, 1, True),
        (5, 5, 1, False),
        (6, 5, 1, False),
        (LAST, 0, 1, True),
        (0, LAST, 1, False),
        (0, 2**23 - 1, 1, True),
        (0, 2**23, 1, False),
        (6, 5, 128, False),
        (6, 5, 128.1, True),
    ],
)
def test_numbers_of_24_bits_go_round(before, after, wait_s, news):
    """Newer is ahead by less than half the circle, or later by more than 128 s (RFC 7641, section 3.4)."""
    assert Order(before, 100.0).is_news(after, 100.0 + wait_s) is news


def test_what_is_late_does_not_move_the_mark():
    """After a stale notification the newest is still the one to beat."""
    order = Order(10, 0)

    assert [order.is_news(number, 1) for number in (12, 11, 12, 13)] == [True, False, False, True]


def test_patience_is_max_age_and_up_to_the_margin():
    """A lapse is noticed within Max-Age (60 s by default) + 10 s, and before the twin calls the point silent."""
    waits = [Pace().patience_s(30, 3600) for _ in range(200)]

    assert 34 <= min(waits) < max(waits) <= 39
    assert 64 <= Pace().patience_s(None, 3600) <= 69
    assert Pace().patience_s(60, 30) == 20
    assert Pace().patience_s(2**32 - 1, 1e9) == 3600


def test_slots_keep_their_phase():
    """A schedule is fixed: late once does not shift what follows, and missed slots are skipped."""
    slots = [next_slot(now, 10, 0.25) for now in (0.0, 2.4, 2.5, 9.0, 47.0)]

    assert slots == [2.5, 2.5, 12.5, 12.5, 52.5]
