"""The history of models: versions by content, what was valid when, when each point was there."""

import sqlite3
from dataclasses import replace

import pytest

from tests.barrio.scripted import DISTRICT, PROFILE
from tests.twin.past.little import HOUR, ONLY_PROBE, SECOND, T0, little
from twin.past.models import Models, Tenure


@pytest.fixture
def models(tmp_path):
    found = Models(tmp_path / "models.sqlite")
    assert found.open() is None
    yield found
    found.close()


def versions(models):
    """Each version as (since, until, devices) in hours after T0."""
    return [
        ((one.since - T0) // HOUR, one.until and (one.until - T0) // HOUR, one.devices)
        for one in models.versions()
    ]


def test_a_start_with_the_same_files_is_no_new_version(tmp_path, models):
    """What runs again as it was is not written again."""
    district = little(tmp_path)
    written = [models.record([district], T0 + hours * HOUR) for hours in range(3)]

    assert written == [1, 0, 0]
    assert versions(models) == [(0, None, 2)]


def test_the_model_of_a_moment_is_the_one_that_ran_then(tmp_path, models):
    """A version is valid from the start with it, that moment included, to the start with the next."""
    models.record([little(tmp_path)], T0)
    models.record([little(tmp_path, devices=ONLY_PROBE)], T0 + 5 * HOUR)
    found = [models.at("little", T0 + at) for at in (0, 5 * HOUR - 1, 5 * HOUR, 99 * HOUR)]

    assert [len(model.devices) for model in found] == [2, 2, 1, 1]
    assert not any(model.assumed for model in found)
    assert versions(models) == [(0, 5, 2), (5, None, 1)]


def test_of_a_time_before_the_first_model_it_is_assumed(tmp_path, models):
    """The first model that was kept stands for the time before it, and says that it does."""
    models.record([little(tmp_path)], T0)
    found = models.at("little", T0 - 1)

    assert (found.assumed, found.since, list(found.devices)) == (True, T0, ["probe", "meter"])
    assert models.at("other", T0) is None


def test_going_back_is_a_new_version_with_the_old_body(tmp_path, models):
    """Files that come back make a third version, and what they say is kept once."""
    first, second = little(tmp_path), little(tmp_path, devices=ONLY_PROBE)
    for number, district in enumerate((first, second, first)):
        models.record([district], T0 + number * HOUR)
    connection = sqlite3.connect(tmp_path / "models.sqlite")
    [bodies] = connection.execute("SELECT count(*) FROM body").fetchone()
    connection.close()

    assert [one.digest for one in models.versions()] == [first.digest, second.digest, first.digest]
    assert bodies == 2


def test_a_change_of_the_program_is_a_version_too(tmp_path, models):
    """The same files that mean something else, since the catalogue changed, are another version."""
    district = little(tmp_path)
    models.record([district], T0)
    meter = district.devices["meter"]
    other = replace(district, devices={**district.devices, "meter": replace(meter, kind="Other")})

    assert models.record([other], T0 + HOUR) == 1


def test_a_district_that_is_run_no_more_has_ended(tmp_path, models):
    """A start without a district ends its model and its points; a start with it begins them again."""
    district = little(tmp_path)
    for hours, running in ((0, [district]), (1, []), (2, []), (3, [district])):
        models.record(running, T0 + hours * HOUR)

    assert versions(models) == [(0, 1, 2), (3, None, 2)]
    assert models.at("little", T0 + 2 * HOUR) is None
    assert models.at("little", T0 + 3 * HOUR) is not None
    assert models.districts() == ["little"]


def test_a_clock_that_was_set_back_keeps_the_order(tmp_path, models):
    """A version that begins before the last one, by the clock, begins right behind it."""
    models.record([little(tmp_path)], T0)
    models.record([little(tmp_path, devices=ONLY_PROBE)], T0 - HOUR)

    assert [one.since for one in models.versions()] == [T0, T0 + 1]
    assert len(models.at("little", T0 + HOUR).devices) == 1


def test_what_a_point_was(tmp_path, models):
    """Kind, site, quantity, unit, states and the rest of a point come back as they were."""
    models.record([little(tmp_path)], T0)
    model = models.at("little", T0)
    pump, energy = model.points["little/probe/pump"], model.points["little/meter/energy"]

    assert (pump.states, pump.aggregation, pump.owner.kind) == (("off", "on"), "state", "Thing")
    assert (energy.unit, energy.quantity) == ("kW.h", "active_energy_import")
    assert (energy.owner.site, energy.slot_s) == ("yard", 90)
    assert (model.zone.key, model.name) == ("America/Mexico_City", "Little")


def test_tenures_follow_points(tmp_path, models):
    """A point that was taken out and put back has two tenures, one whose heartbeat changed has two that touch."""
    slower = PROFILE.replace("kind: Thing\n", "kind: Thing\nheartbeat: 5m\n")
    for hours, texts in ((0, {}), (1, {"devices": ONLY_PROBE}), (2, {}), (3, {"profile": slower})):
        models.record([little(tmp_path, **texts)], T0 + hours * HOUR)
    of_meter = [one for one in models.tenures(["little"], 0, T0 + 99 * HOUR) if "meter/energy" in one.path]
    path = "little/meter/energy"

    assert of_meter == [
        Tenure(path, T0, T0 + HOUR, 90 * SECOND),
        Tenure(path, T0 + 2 * HOUR, T0 + 3 * HOUR, 90 * SECOND),
        Tenure(path, T0 + 3 * HOUR, None, 330 * SECOND),
    ]
    touching = models.tenures(["little"], T0 + HOUR, T0 + 2 * HOUR)
    assert [one.path.split("/")[1] for one in touching] == ["probe"] * 3


def test_commands_have_no_tenure(tmp_path, models):
    """A point that gives no readings is in the model, and nothing is expected of it."""
    profile = PROFILE + "  go: {quantity: pump_state, slot: -1, writable: true}\n"
    models.record([little(tmp_path, profile=profile)], T0)

    assert "little/probe/go" in models.at("little", T0).points
    assert {one.path.rpartition("/")[2] for one in models.tenures(["little"], T0, T0 + 1)} == {
        "temperature",
        "energy",
        "pump",
    }


def test_a_model_is_found_by_the_first_digits_of_its_digest(tmp_path, models):
    """The newest version with these digits is found; what no version begins with is not."""
    district = little(tmp_path)
    models.record([district], T0)

    assert models.find("little", district.digest[:8]).digest == district.digest
    assert models.find("little", "zzz") is None
    assert models.find("other", district.digest) is None


def test_what_retention_took_is_remembered(models):
    """Since when raw readings are kept only ever moves forward."""
    assert models.kept_from("little") == 0
    models.forgot("little", T0)
    models.forgot("little", T0 - HOUR)

    assert models.kept_from("little") == T0


def test_all_of_it_outlives_a_restart(tmp_path):
    """Versions, bodies and tenures are there again when the file is opened again."""
    path = tmp_path / "models.sqlite"
    for hours, texts in ((0, {}), (1, {"district": DISTRICT.replace("name: Little", "name: Small")})):
        models = Models(path)
        models.open()
        models.record([little(tmp_path / "d", **texts)], T0 + hours * HOUR)
        models.close()
    models = Models(path)
    models.open()
    names = [model.name for at in (0, HOUR) if (model := models.at("little", T0 + at))]
    number = len(models.tenures(["little"], T0, T0 + 1))
    models.close()

    assert (names, number) == (["Little", "Small"], 6)
