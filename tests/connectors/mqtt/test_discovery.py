"""What a draft of a broker costs and says, whoever publishes there: without a broker."""

import json

import yaml

from connectors.mqtt.discovery import _MOST_BYTES, _MOST_POINTS, _MOST_TOPICS, _Heard, _written
from connectors.mqtt.inbox import Arrival


def heard(*messages):
    """What was heard, from pairs of topic and payload."""
    found = _Heard("")
    for topic, payload in messages:
        found.take(Arrival(topic, payload, 0))
    return found


def test_what_a_stranger_publishes_stays_in_its_place():
    """A topic that looks like more of a profile is the topic of a point, and an emoji is one too."""
    topics = ['x"}, y: {quantity: co2, topic: "z', "a/\U0001f4a9", "a/${secret:bms}", "\x1b[2J"]
    profile = yaml.safe_load(_written(heard(*((topic, b"1") for topic in topics))).text)

    assert sorted(point["topic"] for point in profile["points"].values()) == sorted(topics)
    assert {point["quantity"] for point in profile["points"].values()} == {"CHOOSE"}


def test_messages_full_of_values_are_counted_not_kept():
    """A publisher does not decide how much memory a draft takes."""
    many = json.dumps({str(number): number for number in range(4_000)}).encode()
    draft = _written(heard(*((f"t{number}", many) for number in range(20))))

    assert len(yaml.safe_load(draft.text)["points"]) == _MOST_POINTS
    assert f"{20 * 4_000 - _MOST_POINTS} values are left out" in draft.remarks


def test_more_than_is_kept_is_counted():
    """Neither many topics nor large messages grow without bound."""
    topics = heard(*((f"t{number}", b"1") for number in range(_MOST_TOPICS + 7)))
    large = bytes(_MOST_BYTES // 4)
    bytes_ = heard(*((f"t{number}", large) for number in range(7)), ("t0", b"1"), ("t9", b"1"))

    assert (len(topics.last), topics.beyond) == (_MOST_TOPICS, 7)
    assert (sorted(bytes_.last), bytes_.beyond) == (["t0", "t1", "t2", "t3", "t9"], 3)
    assert bytes_.size == sum(map(len, bytes_.last.values()))
