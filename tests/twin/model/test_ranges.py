"""Ranges: what an entry stands for, and what is no range."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.model.folders import DEVICES, load, write
from tests.twin.model.test_loader import SOME, attempt
from twin.model.ranges import MOST_DEVICES, RangeError, expand
from twin.model.source import Place, Source

HERE = Place(Source(Path("devices.yaml"), None, {(): 1}), ())


def expanded(**keys):
    found = expand(keys, HERE)
    return None if found is None else list(found)


def test_numbers_are_padded_as_the_first_is_written():
    """Zeros stand in front up to the width of the first number, and no further."""
    found = expanded(id="a-{08..11}", name="Lamp {8..11}")

    assert [(one["id"], one["name"]) for one in found] == [
        ("a-08", "Lamp 8"),
        ("a-09", "Lamp 9"),
        ("a-10", "Lamp 10"),
        ("a-11", "Lamp 11"),
    ]
    assert [one["id"] for one in expanded(id="a-{98..101}")] == ["a-98", "a-99", "a-100", "a-101"]


def test_ranges_in_one_text_multiply():
    """Several ranges in a text give every combination, the last one running fastest."""
    found = expanded(id="x-{1..4}", endpoint="coap://10.0.{1..2}.{7..8}")

    assert [one["endpoint"][-3:] for one in found] == ["1.7", "1.8", "2.7", "2.8"]


def test_texts_inside_the_overrides_step_too():
    """A prefix in the options counts with the id; what holds no range is the same object for all."""
    points = {"level": {"maximum": 3}}
    overrides = {"options": {"prefix": "Room{1..2}"}, "points": points}
    found = expanded(id="room-{1..2}", site="tower", overrides=overrides)

    assert [one["overrides"]["options"] for one in found] == [{"prefix": "Room1"}, {"prefix": "Room2"}]
    assert all(one["overrides"]["points"] is points for one in found)


def test_an_entry_without_ranges_is_left_alone():
    """Dots and braces of other kinds mean nothing."""

    assert (
        expanded(id="a", endpoint="opc.tcp://10.0.0.1/{prefix}", name="a..b", overrides={1: [".."]}) is None
    )


def test_the_bound_is_tried_before_anything_is_made():
    """A range may hold a hundred thousand devices and not one more, however large it is."""
    with pytest.raises(RangeError, match="100,001 devices"):
        expanded(id=f"a-{{0..{MOST_DEVICES}}}")

    assert sum(1 for _ in expand({"id": f"a-{{1..{MOST_DEVICES}}}"}, HERE) or ()) == MOST_DEVICES


def test_many_long_texts_are_not_written_out():
    """A hundred thousand devices with a page of text each are refused before any is made."""
    overrides = {"options": {"words": f"{'x' * 10_000} {{1..100000}}"}}

    with pytest.raises(RangeError, match="characters when written out, at most 50,000,000 are allowed"):
        expanded(id="a-{1..100000}", overrides=overrides)


@given(first=st.integers(0, 2000), count=st.integers(1, 60), width=st.integers(0, 6))
def test_every_number_comes_once_and_in_order(first, count, width):
    """A range gives exactly the numbers from its first to its last."""
    found = expanded(id=f"a-{{{first:0{width}d}..{first + count - 1}}}")

    assert [int(one["id"][2:]) for one in found] == list(range(first, first + count))


def test_devices_of_a_range_are_whole(tmp_path):
    """Each device of a range has its own id and address, the entry's line, and shares its profile's parts."""
    entry = (
        '  - {id: "post-{001..400}", profile: lamp, site: roof, endpoint: "pigeon://10.20.{1..2}.{1..200}"}\n'
    )
    district = load(write(tmp_path, {"devices.yaml": DEVICES.replace("tables:", entry + "tables:")}))
    posts = [device for device in district.devices.values() if device.id.startswith("post-")]

    assert len(posts) == 400
    assert (posts[0].id, str(posts[0].endpoint)) == ("post-001", "pigeon://10.20.1.1:1977")
    assert (posts[399].id, str(posts[399].endpoint)) == ("post-400", "pigeon://10.20.2.200:1977")
    assert {(device.file.name, device.line) for device in posts} == {("devices.yaml", 10)}
    assert posts[0].points["power"].address is posts[399].points["power"].address
    assert posts[7].points["power"].path == "riverside/post-008/power"


def test_units_behind_one_gateway(tmp_path):
    """A range may count units behind one address, and name its site as well."""
    entry = '  - {id: "m-{1..3}", profile: lamp, site: roof, endpoint: "pigeon://10.0.0.9/{11..13}"}\n'
    district = load(write(tmp_path, {"devices.yaml": DEVICES.replace("tables:", entry + "tables:")}))

    assert [district.devices[f"m-{n}"].endpoint.path for n in (1, 2, 3)] == ["/11", "/12", "/13"]


PIECES = st.lists(
    st.sampled_from(
        ["{", "}", "..", "{1..3}", "{03..01}", "{1..999999999}", "{1...3}", "a", "-", "7", "{{1..2}}"]
    ),
    max_size=5,
).map("".join)


@settings(parent=SOME)
@given(name=PIECES, address=PIECES, path=PIECES)
def test_whatever_stands_in_braces(name, address, path):
    """Whatever the braces of an entry hold, a district or faults come out, soon."""
    entry = (
        f"  - {{id: 'p{name}', profile: lamp, site: roof, endpoint: 'pigeon://10.0.0.{address}/{path}'}}\n"
    )
    attempt({"devices.yaml": DEVICES.replace("tables:", entry + "tables:")})
