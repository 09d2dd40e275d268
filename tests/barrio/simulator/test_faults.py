import math

import pytest

from barrio.simulator.faults import Fault, Kind, parse_fault, parse_faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("silent:tank@10s+20s", Fault(Kind.SILENT, "tank", None, 10, 30, None)),
        ("wrong:met/air_temperature=999", Fault(Kind.WRONG, "met", "air_temperature", 0, math.inf, "999")),
        ("wrong:tank/inlet@1m=open", Fault(Kind.WRONG, "tank", "inlet", 60, math.inf, "open")),
        ("exception:room+5", Fault(Kind.EXCEPTION, "room", None, 0, 5, None)),
        ("frozen:tank/level@500ms", Fault(Kind.FROZEN, "tank", "level", 0.5, math.inf, None)),
        ("restart:ahu@15s", Fault(Kind.RESTART, "ahu", None, 15, 18, None)),
        ("drain:tank@10s+1m", Fault(Kind.DRAIN, "tank", None, 10, 70, None)),
        ("drain:tank=90", Fault(Kind.DRAIN, "tank", None, 0, math.inf, "90")),
        ("fails:room+5s", Fault(Kind.FAILS, "room", None, 0, 5, None)),
    ],
)
def test_a_fault_is_read_as_written(small, text, fault):
    """Kind, target, start, duration and argument each find their place."""
    assert parse_fault(text, small) == fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tank", "expected KIND:TARGET"),
        ("slient:tank", "'slient' is no kind of fault .did you mean silent"),
        ("silent:tnak", "small has no device 'tnak' .did you mean tank"),
        ("frozen:tank/levle", "tank has no point 'levle' .did you mean level"),
        ("silent:tank@soon", "'soon' is no time, a duration is"),
        ("silent:tank+5x", "'5x' is no time"),
        ("wrong:tank/level", "a wrong value needs a point and the value"),
        ("wrong:tank=5", "a wrong value needs a point and the value"),
        ("wrong:tank/level=much", "'much' is no number"),
        ("wrong:tank/inlet=ajar", "'ajar' is no state of tank/inlet"),
        ("frozen:tank=5", "only a wrong value and a drain take =ARG"),
        ("silent:tank/level", "silent is about a whole device"),
        ("restart:tank/level", "restart is about a whole device"),
        ("fails:tank/level", "fails is about a whole device"),
        ("drain:tank/level", "drain is about a whole device"),
        ("drain:room", "only a tank can be drained, room is a Room"),
        ("drain:tank=fast", "a drain is % of the tank a minute, up to 6000, found 'fast'"),
        ("drain:tank=0", "a drain is % of the tank a minute"),
        ("drain:tank=nan", "a drain is % of the tank a minute"),
        ("fails:room=5", "only a wrong value and a drain take =ARG"),
    ],
)
def test_a_wrong_fault_says_what_was_meant(small, text, words):
    """Every mistake is a ValueError with the text and the way out."""
    with pytest.raises(ValueError, match=words):
        parse_faults([text], small)


def test_a_fault_holds_from_its_start_until_its_end(small):
    """The end is not part of it."""
    fault = parse_fault("silent:tank@10s+20s", small)

    assert [fault.holds(second) for second in (9.9, 10, 29.9, 30)] == [False, True, True, False]


def test_what_fails_takes_along_what_it_feeds_and_controls(maderas):
    """A cabinet's failure names the lamps of its stretch, a feeder's the cabinets and all of their lamps."""
    cabinet = parse_fault("fails:cabinet-1", maderas)
    feeder = parse_fault("fails:feeder-4", maderas)

    assert cabinet.below == {f"lamp-{number:02d}" for number in range(1, 11)}
    assert {"cabinet-1", "cabinet-3", "lamp-28"} < feeder.below
    assert "meter-a" not in feeder.below
