from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

import connectors
from connectors.registry import Connectors
from twin.model.loader import built_in_districts, load_district


@pytest.fixture(scope="module")
def maderas():
    profiles = Path(str(connectors.__file__)).parent / "profiles"
    return load_district(built_in_districts() / "ciudad-maderas", Connectors(), [profiles])


def kinds(district):
    return Counter(device.kind for device in district.devices.values())


def test_the_district_is_as_large_as_promised(maderas):
    """At least 60 devices with 600 points, on all three protocols."""
    points = Counter(device.protocol for device, _ in maderas.points())

    assert len(maderas.devices) >= 60
    assert sum(points.values()) >= 600
    assert set(points) == {"modbus", "opcua", "coap"}
    assert min(points.values()) >= 200


def test_everything_that_was_promised_stands_in_it(maderas):
    """Towers with cisterns and gas, two BMS, lighting, traffic, weather, substation and sun."""
    found = kinds(maderas)

    assert found["WaterTank"] == found["GasTank"] == 4
    assert found["Streetlight"] == 28
    assert found["LightingCabinet"] == 3
    assert found["TrafficCounter"] == found["Inverter"] == 4
    assert found["WeatherStation"] == 2
    assert found["Transformer"] == 1
    assert (
        len({str(device.endpoint) for device in maderas.devices.values() if device.protocol == "opcua"}) == 2
    )


def test_addresses_are_private_and_no_two_devices_share_one(maderas):
    """Each Modbus unit and CoAP peer is one device; OPC UA nodes are told apart by their prefix."""
    places = [str(device.endpoint) for device in maderas.devices.values() if device.protocol != "opcua"]

    assert len(places) == len(set(places))
    assert all(device.endpoint.host.startswith("10.20.") for device in maderas.devices.values())


def test_all_kinds_of_addresses_are_used(maderas):
    """All four Modbus tables and byte orders, seven register types and bits; all CoAP formats, observed and polled."""
    modbus = [
        (device.options, point.address) for device, point in maderas.points() if device.protocol == "modbus"
    ]
    coap = [
        (device.options, point.address) for device, point in maderas.points() if device.protocol == "coap"
    ]
    observed = {options.observe if address.observe is None else address.observe for options, address in coap}

    assert {address.table.value for _, address in modbus} == {"coil", "discrete", "input", "holding"}
    assert {(address.order or options.order).value for options, address in modbus} == {
        "ABCD",
        "CDAB",
        "BADC",
        "DCBA",
    }
    assert len({address.value_type for _, address in modbus}) >= 8
    assert any(address.bit is not None for _, address in modbus)
    assert {(address.format or options.format).value for options, address in coap} == {
        "text",
        "json",
        "cbor",
        "senml",
    }
    assert observed == {True, False}


def test_sites_nest_and_relations_feed_from_the_substation_to_the_lamps(maderas):
    """From the transformer by a feeder and a cabinet to a stretch of road with lamps in it."""
    edges = {(edge.type, edge.source, edge.target) for edge in maderas.relations}
    way = ["transformer-1", "feeder-4", "cabinet-1"]

    assert all(("feeds", upper, lower) in edges for upper, lower in pairwise(way))
    assert ("controls", "cabinet-1", "oriente-norte") in edges
    assert [device.kind for device in maderas.devices.values() if device.site == "oriente-norte"] == [
        "Streetlight"
    ] * 10
    assert maderas.sites["oriente-norte"].within == "avenida-oriente"
    assert maderas.sites["avenida-oriente"].within == "maderas"


def test_it_polls_often_enough_to_feel_alive(maderas):
    """No point is read less often than every five seconds."""
    slowest = max(
        (getattr(point.address, "poll", None) or device.poll_s) for device, point in maderas.points()
    )

    assert slowest <= 5.0


def test_profiles_say_where_they_come_from(maderas):
    """Addresses that were not checked against a manual are marked generic."""
    files = {point.file for _, point in maderas.points() if point.file.parent.name == "profiles"}

    assert len(files) >= 20
    assert all("source: generic" in file.read_text(encoding="utf-8") for file in files)


def test_its_rules_cover_what_was_promised(maderas):
    """Derived points for energy, water and light; alarms of every kind of condition; commands, supply and services."""
    conditions = {
        type(subject.condition).__name__ for rule in maderas.alarms.rules for subject in rule.subjects
    }
    derived = {(one.owner, one.point.name) for one in maderas.derived}

    assert {("tower-a", "power"), ("maderas", "solar_share"), ("cabinet-1", "lamps_lit")} < derived
    assert conditions == {"Limits", "InStates", "Frozen", "Silent", "Holds"}
    assert all(rule.text and rule.advice for rule in maderas.alarms.rules)
    assert len(maderas.services.tanks) == 8
    assert {"ciudad-maderas/lamp-28/dimming", "ciudad-maderas/cabinet-1/contactor"} < set(
        maderas.commands.policies
    )


def test_a_silent_cabinet_explains_its_own_lamps(maderas):
    """Each of the three cabinets stands for the lamps of its stretch, and for nobody else's."""
    rule = maderas.alarms.rule("cabinet-silent")
    explained: dict[str, set[str]] = {}
    for position, name, owner in rule.explains:
        if name == "lamp-silent":
            explained.setdefault(rule.subjects[position].owner, set()).add(owner)

    assert {cabinet: len(lamps) for cabinet, lamps in explained.items()} == {
        "cabinet-1": 10,
        "cabinet-2": 10,
        "cabinet-3": 8,
    }
    assert "lamp-01" in explained["cabinet-1"]


def test_nobody_is_told_at_an_address_that_exists(maderas):
    """Whoever is notified or delivers has a name that is reserved for examples, and secrets are names."""
    channels = [*maderas.services.suppliers, *maderas.alarms.channels]
    hosts = [channel.email.host if channel.email else channel.webhook.split("/")[2] for channel in channels]

    assert all(host.endswith(".example") for host in hosts)
    assert all(channel.secret or channel.email for channel in channels)


def test_its_meters_are_checked(maderas):
    """Feeders are compared with what they feed, and days without work are those of the law in each year."""
    plan = maderas.intervals
    fed = {(rel.source, rel.target) for rel in maderas.relations if rel.type == "feeds"}
    compared = {(one.main.split("/")[1], part.split("/")[1]) for one in plan.sums for part in one.parts}
    by_year = Counter(day.year for day in plan.holidays)
    mondays = {day for day in plan.holidays if day.month in {2, 3, 11}}

    assert len(plan.sums) == 3
    assert compared <= fed
    assert by_year == {2026: 7, 2027: 7}
    assert {day.weekday() for day in mondays} == {0}
