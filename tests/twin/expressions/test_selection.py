"""Which points a filter finds."""

import pytest

from tests.twin.expressions.town import check


def owners(text: str, owner: str = "tank-a") -> list[str]:
    return [path.split("/")[1] for path in check(text, owner).inputs]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("kind = ElectricityMeter", ["meter-a", "meter-b", "feeder"]),
        ("kind != ElectricityMeter", ["cabinet"]),
        ("profile = cabinet", ["cabinet"]),
        ("device = meter-b", ["meter-b"]),
        ("site within town", ["meter-a", "meter-b", "feeder", "cabinet"]),
        ("site = tower-a", ["meter-a"]),
        ("site within tower-a or device = feeder", ["meter-a", "feeder"]),
        ("site within town and not site within tower-a", ["meter-b", "feeder", "cabinet"]),
        ("site within town and not (site = tower-a or site = street)", ["meter-b"]),
        ("fed by feeder", ["meter-a", "cabinet"]),
        ("fed by feeder and device != cabinet", ["meter-a"]),
        ("located in tower-b", ["meter-b"]),
        ("quantity = active_power and kind = LightingCabinet", ["cabinet"]),
        ("kind = 'ElectricityMeter' and site = \"tower-a\"", ["meter-a"]),
    ],
)
def test_filters(where, found):
    """Filters follow sites, kinds, profiles and relations, joined by and, or and not."""
    assert owners(f"sum(active_power where {where})") == found


def test_controlled_by_and_part_of():
    """Lamps of a cabinet, parts of a whole."""
    assert owners("count(power = 'on' where controlled by cabinet)") == ["lamp-1", "lamp-2"]
    assert owners("sum(volume where part of meter-a)") == ["tank-a"]


def test_this_is_the_owner():
    """In a template `this` is the device or site that it is applied to."""
    assert owners("count(power = 'on' where controlled by this)", "cabinet") == ["lamp-1", "lamp-2"]
    assert owners("sum(active_power where site within this)", "tower-b") == ["meter-b"]


def test_a_quantity_goes_before_a_point():
    """A word is a quantity if something selected measures it, else the name of a point."""
    assert check("mean(voltage where device = meter-a)").inputs == (
        "riverside/meter-a/voltage_l1",
        "riverside/meter-a/voltage_l2",
    )
    assert check("mean(voltage_l2 where kind = ElectricityMeter and device != feeder)").inputs == (
        "riverside/meter-a/voltage_l2",
        "riverside/meter-b/voltage_l2",
    )
    assert check("mean(voltage where device = meter-a and point = voltage_l1)").inputs == (
        "riverside/meter-a/voltage_l1",
    )


def test_another_point_may_stand_in_the_body():
    """What is written with its owner is the same for each selected point."""
    assert check("sum(level * tank-b/volume where device = tank-a)").inputs == (
        "riverside/tank-b/volume",
        "riverside/tank-a/level",
    )
