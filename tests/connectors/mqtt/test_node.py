"""Edge nodes of Sparkplug B: births, aliases, numbers, deaths."""

from __future__ import annotations

import math
from typing import Any

from connectors.conformance.recording import bind, device
from connectors.mqtt import connector
from connectors.mqtt.config import Place
from connectors.mqtt.node import Node
from connectors.mqtt.sparkplug import BD_SEQ, DataType, Kind, encode
from twin.quality import Reason

T0 = 1_772_366_400_000_000_000
NODE, DEVICE = Place("g", "n"), Place("g", "n", "d")
POINTS: dict[str, Any] = {"t": {"metric": "T"}, "h": {"metric": "Room/H"}}


class Edge:
    """A node as the host sees it, and what it says."""

    def __init__(self, **options: Any) -> None:
        self.node = Node(NODE)
        one = device(connector, "mqtt://h/spBv1.0/g/n/d", POINTS, options=options)
        self.metrics = self.node.add("d", bind(one))
        self.now_s = 100.0

    def say(self, kind: Kind, metrics=(), *, seq: int | None = None, **how: Any):
        place = NODE if kind.value.startswith("N") else DEVICE
        payload = encode(list(metrics), time_ns=T0, seq=seq, **how)
        return self.node.hear(kind, place, payload, T0, self.now_s)

    def births(self, seq: int = 0, session: int = 3, **how: Any):
        self.say(Kind.NODE_BIRTH, [(BD_SEQ, DataType.INT64, session)], seq=seq)
        return self.say(Kind.DEVICE_BIRTH, BIRTH, seq=seq + 1, aliases=ALIASES, **how)


BIRTH = [("T", DataType.INT16, -4), ("Room/H", DataType.DOUBLE, 0.0)]
ALIASES = {"T": 17, "Room/H": 18}


def values(heard) -> list[tuple[int, float]]:
    return [
        (point, value)
        for frame in heard.frames
        for point, value in zip(frame.ids.tolist(), frame.values.tolist(), strict=True)
        if not math.isnan(value)
    ]


def words(heard) -> str:
    return " ".join(said for frame in heard.frames for said in frame.details.values())


def test_a_birth_has_values_and_aliases():
    """A birth is read, and afterwards an alias stands for the name and its type."""
    edge = Edge()

    assert values(edge.births()) == [(0, -4.0), (1, 0.0)]
    later = edge.say(Kind.DEVICE_DATA, BIRTH[:1], seq=2, aliases=ALIASES, named=False)
    assert values(later) == [(0, -4.0)]
    assert later.frames[0].time == T0


def test_an_alias_before_its_birth_means_nothing():
    """Data by alias before a birth gives no value, which is said once; by name it does."""
    edge = Edge()

    first, second = (edge.say(Kind.DEVICE_DATA, BIRTH, seq=n, aliases=ALIASES, named=False) for n in (6, 7))
    assert values(first) == values(second) == []
    assert "no birth was heard" in words(first)
    assert words(second) == ""
    assert values(edge.say(Kind.DEVICE_DATA, BIRTH, seq=8)) == [(0, -4.0), (1, 0.0)]


def test_a_missing_number_makes_aliases_unknown():
    """A message that was missed may have been a birth: no alias is believed until the next one, and that is said."""
    edge = Edge()
    edge.births()

    heard = edge.say(Kind.DEVICE_DATA, BIRTH, seq=4, aliases=ALIASES, named=False)

    assert values(heard) == []
    assert edge.node.missed == 1
    assert "message 2 is missing, 4 came" in words(heard)
    assert values(edge.births()) != []
    assert values(edge.say(Kind.DEVICE_DATA, BIRTH[:1], seq=2, aliases=ALIASES, named=False)) == [(0, -4.0)]


def test_numbers_go_round():
    """After 255 comes 0."""
    edge = Edge()
    edge.births(seq=254)

    assert values(edge.say(Kind.DEVICE_DATA, BIRTH[:1], seq=0, aliases=ALIASES, named=False)) == [(0, -4.0)]
    assert edge.node.missed == 0


def test_a_rebirth_is_asked_for_where_allowed_and_not_too_often():
    """Without a birth the option asks the node for one, again only after ten seconds; without the option never."""
    shy, bold = Edge(), Edge(rebirth=True)

    assert shy.say(Kind.DEVICE_DATA, BIRTH, seq=3).rebirth == ""
    assert bold.say(Kind.DEVICE_DATA, BIRTH, seq=3).rebirth == "spBv1.0/g/NCMD/n"
    assert bold.say(Kind.DEVICE_DATA, BIRTH, seq=4).rebirth == ""
    bold.now_s += 11
    assert bold.say(Kind.DEVICE_DATA, BIRTH, seq=5).rebirth == "spBv1.0/g/NCMD/n"
    bold.births()
    bold.now_s += 11
    assert bold.say(Kind.DEVICE_DATA, BIRTH, seq=2).rebirth == ""


def test_deaths_make_silent():
    """A node's death silences its devices, a device's its own; one of an earlier session says nothing."""
    edge = Edge()
    edge.births(session=3)

    assert edge.say(Kind.NODE_DEATH, [(BD_SEQ, DataType.INT64, 2)]).silences == []
    ((ids, reason, why),) = edge.say(Kind.NODE_DEATH, [(BD_SEQ, DataType.INT64, 3)]).silences
    assert (ids.tolist(), reason) == ([0, 1], Reason.SILENT)
    assert "NDEATH" in why
    edge.births()
    assert "DDEATH" in edge.say(Kind.DEVICE_DEATH, seq=2).silences[0][2]


def test_a_reconnect_forgets():
    """What was said while nobody listened is not known: aliases mean nothing after a reconnect."""
    edge = Edge()
    edge.births()
    edge.node.reconnected()

    assert values(edge.say(Kind.DEVICE_DATA, BIRTH, seq=2, aliases=ALIASES, named=False)) == []
    assert edge.node.missed == 0


def test_history_is_backfilled():
    """Historical metrics are frames of their own; a metric that comes twice is two readings."""
    edge = Edge()
    edge.births()
    message = _historical(("T", DataType.INT16, 1), ("T", DataType.INT16, 2)) + encode(
        [("T", DataType.INT16, 3)], time_ns=T0, seq=2
    )

    heard = edge.node.hear(Kind.DEVICE_DATA, DEVICE, message, T0, 0.0)

    assert heard is not None
    assert [(frame.values.tolist(), frame.backfilled) for frame in heard.frames] == [
        ([1.0], True),
        ([2.0], True),
        ([3.0], False),
    ]


def _historical(*metrics: tuple[str, DataType, float]) -> bytes:
    """Metrics with `is_historical` (field 5) set; protobuf joins concatenated messages."""
    made = b""
    for metric in metrics:
        body = encode([metric], time_ns=T0)
        at = body.index(b"\x12")
        inner = body[at + 2 :] + b"\x28\x01"
        made += b"\x12" + bytes([len(inner)]) + inner
    return made


def test_a_birth_without_a_metric_says_so():
    """A point whose metric the birth does not have is `not_available`, naming what there is."""
    edge = Edge()
    edge.say(Kind.NODE_BIRTH, seq=0)
    heard = edge.say(Kind.DEVICE_BIRTH, BIRTH[:1], seq=1)

    bad = next(frame for frame in heard.frames if frame.quality is not None)
    assert bad.ids.tolist() == [1]
    assert "no metric 'Room/H' in the birth, it has: T" in bad.details[0]


def test_junk_is_undecodable():
    """Bytes that are no payload give no value; the points of that device say why."""
    edge = Edge()

    heard = edge.node.hear(Kind.DEVICE_DATA, DEVICE, b"\xff\xff\xff", T0, 0.0)

    assert heard is not None
    assert heard.frames[0].quality is not None
    assert set(heard.frames[0].quality) == {Reason.UNDECODABLE}


def test_a_device_that_nobody_configured_is_none_of_ours():
    """Messages of another device of the node count, and are a stranger's."""
    edge = Edge()
    edge.births()
    other = Place("g", "n", "other")

    assert edge.node.hear(Kind.DEVICE_DATA, other, encode([], time_ns=T0, seq=2), T0, 0.0) is None
    assert values(edge.say(Kind.DEVICE_DATA, BIRTH[:1], seq=3, aliases=ALIASES, named=False)) == [(0, -4.0)]
