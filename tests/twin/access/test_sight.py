"""What a scope sees of two districts whose datasets say so."""

from pathlib import Path

import pytest

from barrio.assembly import Counting, bind, load_all
from connectors.registry import Connectors
from tests.barrio.access.town import DATASETS, DEVICES, DISTRICT, HIDDEN_PROFILE, PROFILE
from tests.barrio.scripted import ScriptedConnector, write_district
from twin.access.scope import EVERYTHING, OPEN, Scope, Tier, Verb
from twin.access.sight import sight_of
from twin.resolution import Resolution

HOURLY = DATASETS.replace("tier: partner,", "tier: partner, finest: 1h,")
READ = frozenset({Verb.READ})


@pytest.fixture
def seen(tmp_path):
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    folder = write_district(
        tmp_path / "little", district=DISTRICT.format(name="little"), devices=DEVICES, profile=PROFILE
    )
    (folder / "profiles" / "hushthing.yaml").write_text(HIDDEN_PROFILE)
    (folder / "datasets.yaml").write_text(HOURLY)
    one = bind(load_all([str(folder)], Path(), connectors, tmp_path), Counting())
    return lambda scope: sight_of(scope, one.districts, one.points, one.owners, one.size)


def test_whoever_shows_nothing_sees_what_is_open(seen):
    """No more than that, and whole is only who sees all."""
    public = seen(OPEN)

    assert public.paths == ["little/probe/temperature"]
    assert public.device_ids == {"little/probe"}
    assert public.site_ids == {"little/house"}
    assert public.point("little/probe/energy") is None
    assert not public.whole


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        (Scope(), 10),
        (Scope(kinds=frozenset({"Thing"})), 5),
        (Scope(sites=frozenset({"little/hushyard"})), 5),
        (Scope(quantities=frozenset({"occupancy"})), 2),
        (Scope(quantities=frozenset({"occupancy"}), kinds=frozenset({"Thing"})), 1),
        (Scope(districts=frozenset()), 0),
        (Scope(sites=frozenset({"other/house"})), 0),
    ],
)
def test_what_a_token_names_narrows_it(seen, scope, count):
    """Every limit holds at once."""
    assert len(seen(scope).ids) == count


def test_readings_are_as_fine_as_dataset_and_token_say(seen):
    """The coarser of both for a partner; an operator is held by the token alone."""
    partner, operator = seen(Scope()), seen(Scope(tier=Tier.OPERATOR, finest=Resolution.QUARTER, verbs=READ))
    energy = partner.points["little/probe/energy"].id

    assert partner.resolution(energy) is Resolution.HOUR
    assert not partner.plainly("little/probe/energy")
    assert partner.plainly("little/probe/temperature")
    assert operator.resolution(energy) is Resolution.QUARTER
    assert not operator.whole


def test_who_sees_all_is_whole_whatever_they_may_do(seen):
    """And sees every device and district wholly; one point that is hidden or coarse is enough not to."""
    everything, reader, partner = seen(EVERYTHING), seen(Scope(tier=Tier.OPERATOR)), seen(Scope())

    assert everything.whole
    assert reader.whole
    assert reader.wholly("little")
    assert not partner.wholly("little/probe")
    assert not seen(OPEN).wholly("little/probe")
