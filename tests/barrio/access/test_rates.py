"""How often somebody may ask, on a clock that the test moves."""

import pytest
from starlette.exceptions import HTTPException

from barrio.access import rates
from barrio.access.rates import Bucket, Buckets


def test_a_minutes_worth_is_there_and_fills_all_the_time():
    """Who has spent it waits for as long as is said, no longer."""
    bucket = Bucket(60, 0.0)
    for _ in range(60):
        bucket.spend(1, 0.0)
    with pytest.raises(HTTPException) as refused:
        bucket.spend(3, 0.5)
    wait_s = int((refused.value.headers or {})["Retry-After"])
    bucket.spend(3, 0.5 + wait_s)

    assert refused.value.status_code == 429
    assert wait_s == 3


def test_what_costs_more_than_a_minute_wants_a_full_bucket():
    """It is not refused for ever."""
    bucket = Bucket(60, 0.0)
    bucket.spend(1_000, 0.0)
    with pytest.raises(HTTPException):
        bucket.spend(1_000, 59.0)
    bucket.spend(1_000, 60.0)

    assert bucket.headers()["X-RateLimit-Remaining"] == "0"


def test_what_is_charged_afterwards_is_owed():
    """It may be more than is left, and no more than a minute's worth: whoever asks next waits."""
    bucket = Bucket(60, 0.0)
    bucket.charge(1_000, 0.0)
    with pytest.raises(HTTPException):
        bucket.spend(1, 60.0)
    bucket.spend(1, 61.0)

    assert bucket.headers()["X-RateLimit-Remaining"] == "0"


def test_headers_say_what_is_left():
    """As the draft of the IETF has them, and as clients know them."""
    bucket = Bucket(600, 0.0)
    bucket.spend(100, 0.0)

    assert bucket.headers() == {
        "RateLimit-Policy": '"minute";q=600;w=60',
        "RateLimit": '"minute";r=500;t=10',
        "X-RateLimit-Limit": "600",
        "X-RateLimit-Remaining": "500",
        "X-RateLimit-Reset": "10",
    }


def test_a_clock_that_goes_back_gives_nothing():
    """And takes nothing."""
    bucket = Bucket(60, 100.0)
    bucket.spend(60, 100.0)
    with pytest.raises(HTTPException):
        bucket.spend(1, 50.0)


def test_there_are_never_more_buckets_than_that(monkeypatch):
    """Whoever was silent for longest is forgotten; who asks all the time is not."""
    monkeypatch.setattr(rates, "MOST_BUCKETS", 100)
    buckets = Buckets()
    mine = buckets.of("mine", 60)
    mine.spend(60)
    for number in range(1_000):
        buckets.of(f"other-{number}", 60)
        assert buckets.of("mine", 60) is mine

    assert len(buckets._buckets) == 100
