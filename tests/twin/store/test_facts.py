"""Facts beside readings in line protocol, and in a real InfluxDB; the page that describes them."""

import math
import re
from pathlib import Path

import httpx
import pytest
from influxdb_client.client.write.point import Point

from tests.contract.store import STATES, T0, catalogue
from twin.facts import MEASUREMENTS, NOTHING, Fact, Measurement
from twin.store.influx import InfluxStore
from twin.store.lineprotocol import line_of
from twin.store.port import StoreRefused

PAGE = Path(__file__).parents[3] / "docs" / "store.md"
TYPES = {"float": float, "int": int, "string": str}
SAMPLES: dict[str, float | int | str] = {"float": 1.5, "int": 7, "string": 'a "b" \\ c=d,\u00e9'}


def fact(known: Measurement, **tags: str) -> Fact:
    """Return a row with every tag and every field."""
    given = dict.fromkeys(known.tags, NOTHING) | {"district": "told", "site": "a b,c=d"} | tags
    fields = {name: SAMPLES[kind] for name, kind in known.fields.items()}
    return Fact(known.name, {name: given[name] for name in known.tags}, fields, T0 + 1)


@pytest.mark.parametrize("known", MEASUREMENTS.values(), ids=list(MEASUREMENTS))
def test_a_line_is_that_of_influx_client(known):
    """Escapes, quotes and types are those that InfluxDB's own client writes."""
    one = fact(known)
    point = Point(one.measurement).time(one.time)
    for name, text in one.tags.items():
        point = point.tag(name, text)
    for name, value in one.fields.items():
        point = point.field(name, value)

    ours, theirs = _parts(line_of(one)), _parts(point.to_line_protocol())
    assert ours == theirs


def test_what_is_not_known_is_left_out():
    """A field that is None is none; a row of which nothing is left cannot be told."""
    tags = {"district": "d", "link": "l", "protocol": "p"}

    assert line_of(Fact("barrio_links", tags, {"up": True, "words": None}, 5)) == (
        "barrio_links,district=d,link=l,protocol=p up=1i 5"
    )
    with pytest.raises(ValueError, match="without a field"):
        line_of(Fact("barrio_links", tags, {"words": None}, 5))
    with pytest.raises(ValueError, match="cannot be stored"):
        line_of(Fact("barrio_links", tags, {"up": math.nan}, 5))
    with pytest.raises(ValueError, match="empty"):
        line_of(Fact("barrio_links", tags | {"link": ""}, {"up": 1}, 5))


def test_control_characters_do_not_pass():
    """What a device calls itself cannot begin a line of its own."""
    line = line_of(Fact("barrio_links", {"district": "d"}, {"words": "a\nbarrio_links,district=d up=1i"}, 5))

    assert "\n" not in line


def test_facts_go_to_the_database_of_their_district(influxdb):
    """Each to its own, told twice is told once, and every field has the type of the contract."""
    store = InfluxStore(influxdb.url, database_prefix="facts_")
    store.open(catalogue("told"), STATES)
    facts = [fact(known, district=name) for known in MEASUREMENTS.values() for name in ("told", "other")]
    for _ in range(2):
        store.tell(facts)
    store.close()

    for database, district in (("facts_told", "told"), ("facts_other", "other")):
        for known in MEASUREMENTS.values():
            params = {"db": database, "q": f"SELECT * FROM {known.name}", "epoch": "ns"}  # noqa: S608
            answer = httpx.get(f"{influxdb.url}/query", params=params, trust_env=False).json()
            [series] = answer["results"][0]["series"]
            [row] = series["values"]
            found = dict(zip(series["columns"], row, strict=True))
            assert found.pop("time") == T0 + 1
            assert found == {**fact(known, district=district).tags, **fact(known).fields}
            assert all(isinstance(found[name], TYPES[kind]) for name, kind in known.fields.items())


def test_a_fact_of_another_type_is_refused(influxdb):
    """The database says so; nobody has to guess why a panel is empty."""
    store = InfluxStore(influxdb.url, database_prefix="odd_")
    store.open(catalogue("told"), STATES)
    tags = {"district": "told"}
    store.tell([Fact("barrio_health", tags, {"devices": 1}, T0)])
    with pytest.raises(StoreRefused, match="partial write"):
        store.tell([Fact("barrio_health", tags, {"devices": "many"}, T0 + 1)])
    store.close()


def test_the_table_is_in_step():
    """docs/store.md names every measurement with its words, tags and fields."""
    section = PAGE.read_text("utf-8").partition("## What barrio tells InfluxDB")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(barrio_\w+)` \|.*$", section, re.MULTILINE)

    assert rows == list(MEASUREMENTS)
    for one in MEASUREMENTS.values():
        assert row_of(one) in section, row_of(one)


def row_of(one: Measurement) -> str:
    """Return the row of the table for a measurement."""
    tags = ", ".join(f"`{name}`" for name in one.tags)
    fields = ", ".join(f"`{name}` {kind}" for name, kind in one.fields.items())
    return f"| `{one.name}` | {one.words} | {tags} | {fields} |"


def _parts(line: str) -> tuple[str, frozenset[str], str]:
    """Return what stands before the fields, the fields in any order, and the time."""
    before, rest = re.split(r"(?<!\\) ", line, maxsplit=1)
    fields, time = rest.rsplit(" ", 1)
    return before, frozenset(re.split(r',(?=\w+=(?:"|[\d.-]+i?(?:,|$)))', fields)), time
