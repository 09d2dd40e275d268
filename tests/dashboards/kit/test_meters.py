"""No kilowatt-hour is counted twice."""

from dashboards.kit.inventory import Inventory
from dashboards.kit.meters import nearest_meters
from tests.dashboards.districts import small

METERS = "\n".join(
    f"{{id: m-{n}, profile: energy-meter-modbus, site: {site}, endpoint: 'modbus+tcp://10.0.0.2:502/{n}'}}"
    for n, site in ((1, "plaza"), (2, "plaza"), (3, "kiosk"))
)


def owners(inventory):
    points = inventory.points("active_energy_import", computed=False)
    return {seen.owner for seen in nearest_meters(inventory, points)}


def test_the_demo_is_counted_at_its_buildings_and_streets(maderas):
    """Not at the transformer and the feeders, which feed them, and not at the chillers inside."""
    meters = {f"meter-{one}" for one in ("a", "b", "c", "d", "hospital", "plaza")}

    assert owners(Inventory(maderas)) == meters | {"cabinet-1", "cabinet-2", "cabinet-3"}


def test_meters_without_relations_are_all_counted(tmp_path):
    """What nobody says is not guessed."""
    assert owners(Inventory(small(tmp_path, METERS))) == {"m-1", "m-2", "m-3"}


def test_two_meters_of_one_place_are_both_counted(tmp_path):
    """A building with two supplies has two meters, each of which measures it."""
    relations = (
        "relations:\n  - {type: measures, from: m-1, to: plaza}\n  - {type: measures, from: m-2, to: plaza}\n"
    )
    inventory = Inventory(small(tmp_path, METERS, district=relations))

    assert owners(inventory) == {"m-1", "m-2"}
