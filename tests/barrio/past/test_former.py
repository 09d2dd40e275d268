"""What the store must know of points that are configured no more."""

import pytest

from barrio.past.former import former_series
from tests.twin.past.little import HOUR, ONLY_PROBE, T0, little
from twin.past.models import Models


@pytest.fixture
def models(tmp_path):
    found = Models(tmp_path / "models.sqlite")
    found.open()
    yield found
    found.close()


def test_they_are_as_they_were_last(tmp_path, models):
    """A point that is gone has the quantity, device and site of the last model that had it."""
    moved = ONLY_PROBE.replace("site: house", "site: yard")
    for hours, texts in enumerate(({}, {"devices": moved})):
        models.record([little(tmp_path, **texts)], T0 + hours * HOUR)
    models.record([], T0 + 2 * HOUR)
    paths = {
        1: "little/probe/energy",
        2: "little/meter/energy",
        3: "little/never/was",
        4: "little/probe/pump",
    }
    found = former_series(models, paths, {4})

    assert [(one.id, one.path, one.device, one.site) for one in found] == [
        (1, "little/probe/energy", "probe", "yard"),
        (2, "little/meter/energy", "meter", "yard"),
    ]
    assert [one.quantity.name for one in found] == ["active_energy_import"] * 2


def test_where_all_are_configured_no_model_is_read(tmp_path, models, monkeypatch):
    """The usual start costs nothing."""
    models.record([little(tmp_path)], T0)
    monkeypatch.setattr(models, "at", None)
    monkeypatch.setattr(models, "last_seen", None)

    assert former_series(models, {1: "little/probe/energy"}, {1}) == []


def test_a_quantity_that_is_known_no_more_is_left_out(tmp_path, models, monkeypatch):
    """A point whose quantity is not in the catalogue any more cannot be asked for."""
    models.record([little(tmp_path)], T0)
    monkeypatch.setattr("barrio.past.former.CATALOGUE", {})

    assert former_series(models, {1: "little/probe/energy"}, set()) == []
