"""What the service claims is what its tests hold; runs after them, as its name sorts last."""

from importlib import import_module
from pathlib import Path

from tests.barrio.sta.conformance.requirements import BASE, CLASSES, failed, tested


def green() -> set[str]:
    """The classes of which every requirement has a test, and none failed in this run."""
    for file in Path(__file__).parent.glob("test_*.py"):
        import_module(f"{__package__}.{file.stem}")
    return {
        BASE + name
        for name, some in CLASSES.items()
        if all(one in tested and one not in failed for one in some)
    }


async def test_the_service_claims_what_its_tests_hold(little):
    """No class more, and none less."""
    claimed = (await little.get(""))["serverSettings"]["conformance"]

    assert len(claimed) == len(set(claimed))
    assert set(claimed) == green()


def test_a_failure_takes_its_class_away(monkeypatch):
    """A requirement that does not hold, or has no test, leaves its class unclaimed."""
    whole = green()
    monkeypatch.setattr(f"{__name__}.failed", {"request-data/top"})

    assert whole - green() == {f"{BASE}request-data"}
    assert f"{BASE}data-array/data-array" not in whole
