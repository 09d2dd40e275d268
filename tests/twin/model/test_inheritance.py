"""Variants of profiles: what they take over, what they change, and where it was written."""

from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin.model.folders import DEVICES, FILES, SCHEMAS, faults, load, write
from tests.twin.model.test_loader import SOME, TREES, attempt, nodes, replaced
from twin.model.profiles import Profiles
from twin.model.reading import Reading
from twin.model.source import Place, Source

DEVICE = DEVICES.replace("profile: tank", "profile: variant").replace(
    "level: {maximum: 90}", "level: {cell: 3}"
)
HERE = Place(Source(Path("devices.yaml"), None, {(): 1}), ())


def profiles(folder):
    return Profiles(folder, [], SCHEMAS, Reading())


def variant(tmp_path, text, **others):
    files = {f"profiles/{name}.yaml": body for name, body in others.items()}
    own = "profile: variant\nextends: tank\n" + text
    return write(tmp_path, {"devices.yaml": DEVICE, **files, "profiles/variant.yaml": own})


def test_a_variant_says_only_what_differs(tmp_path):
    """Keys, options and points are laid over the parent's; what is not said stays."""
    text = "poll: 7s\npoints:\n  inlet: {cell: 8}\n  outlet: {quantity: valve_state, cell: 9}\n"
    folder = variant(tmp_path, text)
    (folder / "devices.yaml").write_text(DEVICE.replace("      poll: 2s\n", ""))
    tank = load(folder).devices["tank-1"]

    assert (tank.kind, tank.profile, tank.poll_s) == ("WaterTank", "variant", 7.0)
    assert tank.options.model_dump() == {"loft": "north"}
    assert list(tank.points) == ["level", "inlet", "outlet"]
    assert tank.points["inlet"].address.model_dump()["cell"] == 8
    assert tank.points["inlet"].states == {0: "closed", 1: "open"}
    assert tank.points["inlet"].writable


def test_null_removes(tmp_path):
    """A point, an option and a key of a point go when the variant says null."""
    folder = variant(tmp_path, "options: {loft: null}\npoints:\n  inlet: null\n  level: {scale: null}\n")
    tank = load(folder).devices["tank-1"]

    assert list(tank.points) == ["level"]
    assert tank.options.model_dump() == {"loft": "south"}
    assert tank.points["level"].scale == 100.0


def test_variants_of_variants(tmp_path):
    """A chain is laid over from its oldest end."""
    middle = "profile: middle\nextends: tank\npoints: {inlet: {cell: 5, writable: false}}\n"
    own = "profile: variant\nextends: middle\npoints: {inlet: {cell: 6}}\n"
    folder = variant(tmp_path, "", middle=middle)
    (folder / "profiles" / "variant.yaml").write_text(own)
    inlet = load(folder).devices["tank-1"].points["inlet"]

    assert (inlet.address.model_dump()["cell"], inlet.writable) == (6, False)


def test_a_point_is_where_its_nearest_key_was_written(tmp_path):
    """A point that the variant changes stands in the variant, the others in the parent."""
    folder = variant(tmp_path, "points:\n  inlet: {cell: 8}\n")
    points = load(folder).devices["tank-1"].points

    assert (points["inlet"].file.name, points["inlet"].line) == ("variant.yaml", 4)
    folder = variant(tmp_path, "points:\n  other: {quantity: valve_state, cell: 8}\n")
    inlet = load(folder).devices["tank-1"].points["inlet"]
    assert (inlet.file.name, inlet.line) == ("tank.yaml", 8)


def test_a_profile_may_extend_the_one_it_hides(tmp_path):
    """In the district's folder `extends` with the profile's own name means the one that comes with barrio."""
    built_in = tmp_path / "built-in"
    built_in.mkdir()
    (built_in / "lamp.yaml").write_text(FILES["profiles/lamp.yaml"])
    folder = write(
        tmp_path / "district", {"profiles/lamp.yaml": "profile: lamp\nextends: lamp\nkind: Lantern\n"}
    )
    lamp = load(folder, built_in).devices["lamp-1"]

    assert (lamp.kind, list(lamp.points)) == ("Lantern", ["power", "hours"])


def test_a_source_holds_for_what_was_checked(tmp_path):
    """A variant that changes points or options says its own source; one that changes neither keeps the parent's."""
    tank = FILES["profiles/tank.yaml"] + "source: the manual\n"
    kept = profiles(variant(tmp_path, "poll: 3s\n", tank=tank)).get("variant", HERE)
    changed = profiles(variant(tmp_path, "points: {inlet: {cell: 8}}\n", tank=tank)).get("variant", HERE)

    assert kept is not None
    assert changed is not None
    assert (kept.spec.source, changed.spec.source) == ("the manual", "generic")


def test_a_long_chain_is_refused(tmp_path):
    """A chain beyond the bound is one fault at its end, not a traceback."""
    chain = {f"p{number}": f"profile: p{number}\nextends: p{number + 1}\n" for number in range(400)}
    found = faults(variant(tmp_path, "", **chain, p400="profile: p400\nextends: tank\n"))

    assert "extends: is the end of a chain of more than 16 profiles" in found


def test_a_change_of_the_parent_changes_the_digest(tmp_path):
    """What a variant takes over counts as part of the district."""
    folder = variant(tmp_path, "poll: 3s\n")
    before = load(folder).digest
    (folder / "profiles" / "tank.yaml").write_text(FILES["profiles/tank.yaml"] + "# changed\n")

    assert load(folder).digest != before


VARIANT = {
    "profile": "variant",
    "extends": "tank",
    "poll": "7s",
    "options": {"loft": None},
    "points": {"inlet": None, "level": {"cell": 3, "scale": None}, "more": {"quantity": "volume", "cell": 4}},
}


@settings(parent=SOME, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_variant_holds(data):
    """Whatever stands in place of a part of a variant, a district or faults come out."""
    path = data.draw(st.sampled_from(nodes(VARIANT)))
    text = yaml.safe_dump(replaced(VARIANT, path, data.draw(TREES)), allow_unicode=True)
    attempt({"devices.yaml": DEVICE, "profiles/variant.yaml": text})
