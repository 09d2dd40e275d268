"""Loading a district: the good ones as meant, the bad ones with every fault at its line, never a traceback.

Each folder in `cases/` holds the files that differ from the small district in `folders.py`, and `expected.txt`: a new
complaint about a message becomes a new folder.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin.model.folders import DEVICES, FILES, LAMPS, Pigeon, faults, load, write
from twin.model import yaml_source
from twin.model.loader import built_in_districts, load_district
from twin.model.source import MAX_BYTES

CASES = Path(__file__).parent / "cases"
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_case(case, tmp_path):
    """Everything that is wrong with a district comes out at once, each fault once, with its file and line."""
    files = {path for path in case.rglob("*") if path.is_file() and path.name != "expected.txt"}
    write(tmp_path, {str(path.relative_to(case)): path.read_bytes() for path in files})

    assert faults(tmp_path) == (case / "expected.txt").read_text(encoding="utf-8").rstrip("\n")


def test_small_district_loads(tmp_path):
    """A good district has its sites, devices and points as written."""
    district = load(write(tmp_path))

    assert (district.id, str(district.zone), district.retention_raw_s) == (
        "riverside",
        "Europe/Madrid",
        90 * 86400,
    )
    assert list(district.sites) == ["tower", "roof"]
    assert [point.path for _, point in district.points()] == [
        "riverside/tank-1/level",
        "riverside/tank-1/inlet",
        "riverside/lamp-1/power",
        "riverside/lamp-1/hours",
        "riverside/lamp-2/power",
        "riverside/lamp-2/hours",
    ]


def test_each_resolution_has_its_retention(tmp_path):
    """Raw readings and each resolution of rollups are kept as long as it is written, for ever where nothing is."""
    text = str(FILES["district.yaml"]).replace("{raw: 90d}", "{raw: 90d, 15m: 730d, 1d: 3650d}")
    district = load(write(tmp_path, {"district.yaml": text}))

    assert dict(district.retention) == {
        "raw": 90 * 86400,
        "15m": 730 * 86400,
        "1h": None,
        "1d": 3650 * 86400,
    }


@pytest.mark.parametrize("short", ["15m: 1h", "1h: 1d"])
def test_rollups_outlive_what_is_made_of_them(tmp_path, short):
    """Quarter hours that go within the hour would make no hours, without a word: it is said before anything runs."""
    text = str(FILES["district.yaml"]).replace("{raw: 90d}", f"{{raw: 90d, {short}}}")
    found = faults(write(tmp_path, {"district.yaml": text}))

    assert f"retention.{short.split(':')[0]}" in found


def test_scale_and_unit_are_one_step(tmp_path):
    """A raw number times the point's scale is the value in the quantity's unit."""
    level = load(write(tmp_path)).devices["tank-1"].points["level"]

    assert (level.scale, level.offset, level.quantity.unit) == (1.0, 0.0, "%")


def test_temperature_in_fahrenheit_keeps_its_offset(tmp_path):
    """Offsets of the profile and of the unit add up in the quantity's unit."""
    keys = '{quantity: air_temperature, cell: 0, scale: 0.1, offset: 32, unit: "[degF]", dead_band: 1.8}'
    folder = write(tmp_path, {"profiles/tank.yaml": FILES["profiles/tank.yaml"].replace(_level(), keys)})
    point = load(folder).devices["tank-1"].points["level"]

    assert point.scale * 180 + point.offset == pytest.approx(10.0)
    assert point.dead_band == pytest.approx(1.0)


def _level() -> str:
    return '{quantity: level_ratio, cell: 0, scale: 0.01, unit: "1"}'


def test_limits_narrow_the_range_in_the_unit_of_the_point(tmp_path):
    """`minimum` and `maximum` are in the point's own unit and never widen what the quantity allows."""
    text = FILES["profiles/tank.yaml"].replace('unit: "1"', 'unit: "1", minimum: 0.2, maximum: 7')
    folder = write(
        tmp_path, {"profiles/tank.yaml": text, "devices.yaml": DEVICES.replace("maximum: 90", "cell: 9")}
    )
    point = load(folder).devices["tank-1"].points["level"]

    assert (point.minimum, point.maximum) == (20.0, 110.0)


def test_overrides_hold_for_one_device(tmp_path):
    """An override changes the device that has it and no other one of its profile."""
    second = "  - {id: tank-2, profile: tank, site: tower, endpoint: pigeon://10.0.0.9}\ntables:"
    devices = DEVICES.replace("tables:", second).replace("maximum: 90", "cell: 7, poll: 20s")
    district = load(write(tmp_path, {"devices.yaml": devices}))
    changed, other = district.devices["tank-1"], district.devices["tank-2"]

    assert (changed.poll_s, other.poll_s) == (2.0, 5.0)
    assert [one.points["level"].address.model_dump()["cell"] for one in (changed, other)] == [7, 0]
    assert (changed.points["level"].silent_after_s, other.points["level"].silent_after_s) == (60.0, 30.0)
    assert changed.points["level"].line == 9
    assert list(changed.points) == ["level", "inlet"]


def test_states_are_words_even_on_and_off(tmp_path):
    """`off` and `on` are the names of states, not false and true."""
    power = load(write(tmp_path)).devices["lamp-1"].points["power"]

    assert power.states == {0: "off", 1: "on"}


def test_states_default_to_those_of_the_quantity(tmp_path):
    """Without `states` the quantity's own names stand for the codes 0, 1 … and for themselves."""
    text = FILES["profiles/lamp.yaml"].replace(", states: {0: off, 1: on}", "")
    power = load(write(tmp_path, {"profiles/lamp.yaml": text})).devices["lamp-1"].points["power"]

    assert power.states == {0: "off", 1: "on", "off": "off", "on": "on"}


def test_state_point_has_neither_range_nor_scale(tmp_path):
    """A state id passes unchanged and is never out of range."""
    power = load(write(tmp_path)).devices["lamp-1"].points["power"]

    assert (power.scale, power.offset, power.minimum, power.maximum) == (
        1.0,
        0.0,
        -float("inf"),
        float("inf"),
    )


def test_wraps_at_is_kept_in_the_unit_of_the_quantity(tmp_path):
    """A counter's register end is converted with its values."""
    text = FILES["profiles/lamp.yaml"].replace("heartbeat: 1h", "wraps_at: 6000, unit: min")
    hours = load(write(tmp_path, {"profiles/lamp.yaml": text})).devices["lamp-1"].points["hours"]

    assert hours.wraps_at == pytest.approx(100.0)


def test_own_profile_shadows_the_built_in_one(tmp_path):
    """A profile in the district's folder wins over one of the same name that comes with barrio."""
    built_in = tmp_path / "built-in"
    built_in.mkdir()
    (built_in / "lamp.yaml").write_text(FILES["profiles/lamp.yaml"].replace("Streetlight", "Lantern"))
    folder = write(tmp_path / "district")

    assert load(folder, built_in).devices["lamp-1"].kind == "Streetlight"
    (folder / "profiles" / "lamp.yaml").unlink()
    assert load(folder, built_in).devices["lamp-1"].kind == "Lantern"


@pytest.mark.parametrize("name", FILES)
def test_digest_follows_every_file(name, tmp_path):
    """A change in any file, a comment even, changes the digest; reading again does not."""
    folder = write(tmp_path)
    before = load(folder).digest
    again = load(folder).digest
    (folder / name).write_text(FILES[name] + ("# x\n" if name.endswith("yaml") else "\n"))

    assert before == again
    assert load(folder).digest != before


def test_table_may_say_the_endpoint_once(tmp_path):
    """Many units behind one gateway: the table names it, the column `unit` tells them apart."""
    table = "  - {file: lamps.csv, profile: lamp, site: roof, endpoint: pigeon://10.0.0.7}\n"
    devices = DEVICES.split("tables:")[0] + "tables:\n" + table
    folder = write(tmp_path, {"devices.yaml": devices, "lamps.csv": "id,unit\nlamp-1,11\nlamp-2,12\n"})

    assert str(load(folder).devices["lamp-2"].endpoint) == "pigeon://10.0.0.7:1977/12"


def test_rows_of_a_table_may_override(tmp_path):
    """Columns with the names of overrides hold for their row; an empty cell leaves the profile's value."""
    text = (
        "id,endpoint,poll,trust_time,options.loft,points.hours.scale,points.hours.unit\n"
        "lamp-1,pigeon://10.0.0.2,30s,no,north,2.5,min\n"
        "lamp-2,pigeon://10.0.0.3,,,,,\n"
    )
    district = load(write(tmp_path, {"lamps.csv": text}))
    changed, plain = district.devices["lamp-1"], district.devices["lamp-2"]

    assert (changed.poll_s, changed.trust_time, changed.options.model_dump()) == (
        30.0,
        False,
        {"loft": "north"},
    )
    assert changed.points["hours"].scale == pytest.approx(2.5 / 60)
    assert (changed.points["hours"].file.name, changed.points["hours"].line) == ("lamps.csv", 2)
    assert (plain.poll_s, plain.trust_time, plain.options.model_dump()) == (10.0, True, {"loft": "south"})
    assert plain.points["hours"].scale == 1.0


def test_parts_of_an_option_are_columns_too(tmp_path):
    """An option that is a mapping takes a column for each of its keys."""
    text = "id,endpoint,options.key.id,options.key.salt\nlamp-1,pigeon://10.0.0.2,01,ab\n"
    files = {"lamps.csv": text}

    assert "options.key: unknown key" in faults(write(tmp_path, files))
    assert "cannot stand beside" in faults(
        write(tmp_path, {"lamps.csv": text.replace("options.key.id", "options.key")})
    )


def test_every_row_with_a_wrong_option_is_named(tmp_path):
    """Rows that set the same impossible option are each a fault at their own line."""
    rows = "".join(f"lamp-{n},pigeon://10.0.0.2,{n},x\n" for n in (1, 2))
    found = faults(write(tmp_path, {"lamps.csv": "id,endpoint,unit,options.lofd\n" + rows}))

    assert [line.partition(": ")[0] for line in found.splitlines()] == ["lamps.csv:2", "lamps.csv:3"]


def test_rows_with_the_same_options_share_them(tmp_path):
    """Ten thousand rows that set an option alike keep one set of options."""
    rows = "".join(f"lamp-{n},pigeon://10.0.0.2,{n},north\n" for n in (1, 2))
    devices = load(write(tmp_path, {"lamps.csv": "id,endpoint,unit,options.loft\n" + rows})).devices

    assert devices["lamp-1"].options is devices["lamp-2"].options


@pytest.mark.parametrize("text", ["\ufeff" + LAMPS, LAMPS.replace("\n", "\r\n"), "\n" + LAMPS + "\n,,,,\n"])
def test_table_from_a_spreadsheet(text, tmp_path):
    """A byte order mark, Windows line ends and blank rows change nothing."""

    assert faults(write(tmp_path, {"lamps.csv": text})) == ""


def test_devices_of_a_profile_share_what_is_alike(tmp_path):
    """Ten thousand lamps keep one address, one table of states and one set of options."""
    district = load(write(tmp_path))
    first, second = district.devices["lamp-1"], district.devices["lamp-2"]

    assert first.points["power"].address is second.points["power"].address
    assert first.points["power"].states is second.points["power"].states
    assert first.options is second.options


def test_protocols_that_are_not_used_are_not_asked_for(tmp_path):
    """A broken connector that a district does not use does not stop it."""

    class Lazy(dict[str, Pigeon]):
        def __getitem__(self, name):
            assert name == "pigeon"
            return super().__getitem__(name)

    folder = write(tmp_path)

    assert load_district(folder, Lazy(pigeon=Pigeon(), other=Pigeon()), []).id == "riverside"


def test_folder_that_is_not_there(tmp_path):
    """A folder that does not exist, or whose name no file system takes, is one fault."""

    assert faults(tmp_path / "nowhere") == "FOLDER:1: (file): there is no such folder"
    assert faults(tmp_path / ("x" * 5000)) == "FOLDER:1: (file): there is no such folder"


@pytest.mark.parametrize("name", ["district.yaml", "devices.yaml"])
def test_file_that_is_not_there(name, tmp_path):
    """A missing file is one fault, without complaints that only follow from it."""
    folder = write(tmp_path)
    (folder / name).unlink()

    assert faults(folder) == f"{name}:1: (file): cannot be read: no such file or directory"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_folder_or_pipe_in_place_of_a_file(make, tmp_path):
    """What is not a regular file is refused and never waited for."""
    folder = write(tmp_path)
    (folder / "devices.yaml").unlink()
    make(folder / "devices.yaml")

    assert faults(folder) == "devices.yaml:1: (file): is not a file"


def test_giant_file_is_not_read(tmp_path):
    """A file is read up to a bound and refused beyond it."""
    folder = write(tmp_path, {"devices.yaml": b"#" * (MAX_BYTES + 1)})

    assert faults(folder) == "devices.yaml:1: (file): is larger than 8,000,000 bytes"


def test_bytes_that_are_not_utf_8(tmp_path):
    """A file in another encoding is refused at the line where it shows."""
    folder = write(tmp_path, {"district.yaml": "district: a\nname: Querétaro\n".encode("latin-1")})

    assert faults(folder) == "district.yaml:2: (file): is not UTF-8 text"


def test_link_out_of_the_folder(tmp_path):
    """A table that leads out of the folder by a symbolic link, or round in a circle, is refused."""
    (tmp_path / "lamps.csv").write_text(LAMPS)
    table = "  - {file: circle.csv, profile: lamp, site: roof}\n"
    folder = write(tmp_path / "district", {"devices.yaml": DEVICES + table})
    (folder / "lamps.csv").unlink()
    (folder / "lamps.csv").symlink_to(tmp_path / "lamps.csv")
    (folder / "circle.csv").symlink_to(folder / "circle.csv")

    assert faults(folder).splitlines() == [
        "devices.yaml:11: tables[0].file: 'lamps.csv' lies outside the district's folder or leads nowhere",
        "devices.yaml:12: tables[1].file: 'circle.csv' lies outside the district's folder or leads nowhere",
    ]


def test_five_hundred_lamps_do_not_repeat_a_fault(tmp_path):
    """What is wrong with a profile is said once, however many devices have it."""
    rows = "".join(f"lamp-{number},pigeon://10.0.0.2,{number}\n" for number in range(1, 500))
    text = FILES["profiles/lamp.yaml"].replace("cell: 1", "cell: 1000")
    folder = write(tmp_path, {"lamps.csv": "id,endpoint,unit\n" + rows, "profiles/lamp.yaml": text})

    assert faults(folder) == "profiles/lamp.yaml:6: points.hours.cell: there are cells 0 to 99, found 1000"


def test_built_in_districts_are_in_the_package():
    """The districts that come with barrio stand beside the model."""

    assert built_in_districts().name == "districts"
    assert built_in_districts().parent.name == "twin"


def attempt(files: dict[str, str | bytes]) -> None:
    """Load the small district with other files: a district or faults of one line each come out, nothing else."""
    with TemporaryDirectory() as folder:
        lines = faults(write(Path(folder), files)).encode().splitlines()
    assert all(b": " in line for line in lines)


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def parser(request, monkeypatch) -> None:
    """Both parsers that may be in use, one after the other."""
    monkeypatch.setattr(yaml_source, "LOADER", getattr(yaml, request.param))


NAMES = st.sampled_from(sorted(FILES))
PIECES = st.sampled_from(
    [
        "\t",
        "\n",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!t ",
        "|",
        ">",
        "'",
        '"',
        ",",
        "#",
        "\\",
        "\r",
        "\x00",
        "---\n",
        "? ",
        "<<: ",
        '"\\U00110000"',
        '"\\ud800"',
        "%YAML 9.9\n",
        "\x85",
        "\u2028",
        "é",
        "0x",
        "1e9999",
    ]
)


@pytest.mark.usefixtures("parser")
@settings(parent=SOME, suppress_health_check=list(HealthCheck))
@given(
    name=NAMES,
    data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")),
)
def test_any_bytes(name, data):
    """Whatever the bytes of a file are, a district or faults come out."""
    attempt({name: data})


@pytest.mark.usefixtures("parser")
@settings(parent=SOME, suppress_health_check=list(HealthCheck))
@given(name=NAMES, at=st.integers(0, 600), length=st.integers(0, 20), piece=st.lists(PIECES, max_size=4))
def test_any_slip_of_the_hand(name, at, length, piece):
    """Whatever is cut from or put into a good file, a district or faults come out."""
    text = FILES[name]
    attempt({name: text[:at] + "".join(piece) + text[at + length :]})


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["5s", "tank", "roof", "riverside", "../x", "off", "1" * 400, "x" * 70, "pigeon://[::1]"]
    )
)
# A NaN is no key to find again.
KEYS = LEAVES.filter(lambda value: value == value)  # noqa: PLR0124
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def nodes(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a tree."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, child in inside for found in nodes(child, (*path, key)))]


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a tree with another value at a path."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


@settings(parent=SOME, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from([name for name in sorted(FILES) if name.endswith("yaml")]), data=st.data())
def test_any_value_anywhere(name, data):
    """Whatever stands in place of a part of a good file, a district or faults come out."""
    tree = yaml.safe_load(FILES[name])
    path = data.draw(st.sampled_from(nodes(tree)))
    text = yaml.safe_dump(replaced(tree, path, data.draw(TREES)), allow_unicode=True)
    attempt({name: text})
