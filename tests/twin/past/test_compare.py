"""What changed between two moments: values beyond their dead band, quality, gaps, and the model itself."""

import numpy as np
import pytest

from tests.barrio.scripted import DISTRICT, PROFILE
from tests.twin.past.little import HOUR, ONLY_PROBE, T0, little
from tests.twin.past.test_asof import reading, then
from twin.ledger import Gap
from twin.past.compare import changed_model, changed_points
from twin.past.models import Models
from twin.quality import Reason

BANDED = PROFILE.replace("slot: 0}", "slot: 0, dead_band: 0.5}")


@pytest.fixture
def models(tmp_path):
    found = Models(tmp_path / "models.sqlite")
    found.open()
    yield found
    found.close()


@pytest.fixture
def points(tmp_path, models):
    """The points of the probe; the temperature has a dead band of 0.5."""
    models.record([little(tmp_path, profile=BANDED)], T0)
    return [point for point in models.at("little", T0).points.values() if point.owner.id == "probe"]


def what(points, first, second, *, before=(), after=()):
    """What changed of each point that changed, from one reading to another an hour later."""
    found = changed_points(
        list(then(points, T0, first, *before).values()),
        list(then(points, T0 + HOUR, second, *after).values()),
    )
    return {one.after.point.name: one.what for one in found}


@pytest.mark.parametrize(("value", "changed"), [(20.0, {}), (20.5, {}), (20.6, {"temperature": ("value",)})])
def test_a_value_changed_when_it_left_its_dead_band(points, value, changed):
    """Moving within the dead band is no change, moving further is."""
    assert what(points, reading(1, 20.0, T0), reading(1, value, T0 + HOUR)) == changed


def test_another_state_is_a_change(points):
    """A state that is the same an hour later is none."""
    assert what(points, reading(3, 0, T0), reading(3, 1, T0 + HOUR)) == {"pump": ("value",)}
    assert what(points, reading(3, 1, T0), reading(3, 1, T0 + HOUR)) == {}


def test_a_value_that_came_or_went(points):
    """A value where there was none changed, and so did its quality; the last one that is too old is stale."""
    bad = reading(1, np.nan, T0, quality=Reason.OUT_OF_RANGE)

    assert what(points, bad, reading(1, 1.0, T0 + HOUR)) == {"temperature": ("value", "quality")}
    assert what(points, reading(1, 1.0, T0), reading(1, 1.0, T0)) == {"temperature": ("stale",)}


def test_a_gap_that_began_or_ended(points):
    """A gap with another reason is a change, the same one is none."""
    down, silent = (Gap(1, T0, None, reason, "") for reason in (Reason.LINK_DOWN, Reason.SILENT))
    same = reading(1, 1.0, T0)

    assert what(points, same, reading(1, 1.0, T0 + HOUR), before=[down]) == {"temperature": ("gap",)}
    assert what(points, same, same, before=[down], after=[silent]) == {"temperature": ("gap",)}
    assert what(points, same, same, before=[down], after=[down]) == {}


def model_changes(models, tmp_path, *versions):
    for number, texts in enumerate(versions):
        models.record([little(tmp_path, **texts)], T0 + number * HOUR)
    found = changed_model(models.at("little", T0), models.at("little", T0 + HOUR))
    return [(one.kind, one.subject, one.what, one.words) for one in found]


def test_the_same_model_has_no_changes(models, tmp_path):
    """A model compared with itself says nothing."""
    assert model_changes(models, tmp_path, {}, {}) == []


def test_a_device_that_went_is_one_line(models, tmp_path):
    """The points of a device that was taken out are not told one by one."""
    assert model_changes(models, tmp_path, {}, {"devices": ONLY_PROBE}) == [
        ("device", "meter", "removed", "")
    ]


def test_points_and_sites_that_changed(models, tmp_path):
    """A point that was added, one whose dead band changed, and a site with another kind are told with what changed."""
    profile = BANDED + "  more: {quantity: wind_direction, slot: 3}\n"
    texts = {"devices": ONLY_PROBE, "district": DISTRICT.replace("kind: Plaza", "kind: Square")}
    found = model_changes(models, tmp_path, {"devices": ONLY_PROBE}, {**texts, "profile": profile})

    assert found == [
        ("site", "yard", "changed", "kind Plaza -> Square"),
        ("point", "probe/temperature", "changed", "dead_band none -> 0.5"),
        ("point", "probe/more", "added", ""),
    ]


def test_a_district_that_did_not_run(models, tmp_path):
    """A district that ran at one of the moments only was added or removed."""
    models.record([little(tmp_path)], T0)
    model = models.at("little", T0)

    assert [one.what for one in changed_model(None, model)] == ["added"]
    assert [one.what for one in changed_model(model, None)] == ["removed"]
    assert list(changed_model(None, None)) == []
