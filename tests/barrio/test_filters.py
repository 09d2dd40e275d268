"""What filters choose of what a scope sees, and what they say where nothing is left."""

from pathlib import Path

import pytest

from barrio.assembly import Counting, bind, load_all
from barrio.errors import UnknownName
from barrio.filters import Filters, hold_under
from connectors.registry import Connectors
from tests.barrio.access.town import DATASETS, DEVICES, DISTRICT, HIDDEN_PROFILE, PROFILE
from tests.barrio.scripted import ScriptedConnector, write_district
from twin.access.scope import EVERYTHING, OPEN, Scope
from twin.access.sight import sight_of

SITES = (
    "sites: [{id: block, kind: Block, name: Block}, {id: house, within: block, kind: Building, name: House}, "
)


@pytest.fixture
def seen(tmp_path):
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    district = DISTRICT.format(name="little").replace(
        "sites: [{id: house, kind: Building, name: House}, ", SITES
    )
    folder = write_district(tmp_path / "little", district=district, devices=DEVICES, profile=PROFILE)
    (folder / "profiles" / "hushthing.yaml").write_text(HIDDEN_PROFILE)
    (folder / "datasets.yaml").write_text(DATASETS)
    one = bind(load_all([str(folder)], Path(), connectors, tmp_path), Counting())
    return lambda scope: sight_of(scope, one.districts, one.points, one.owners, one.size)


def taken(sight, **filters):
    chosen = Filters(filters, sight)
    return {path for path in sight.paths if chosen.take(sight.points[path])}


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 10),
        ({"site": "house"}, 5),
        ({"site": "little/house"}, 5),
        ({"site": "block"}, 5),
        ({"site": "little/block"}, 5),
        ({"site": "other/block"}, 0),
        ({"device": "probe"}, 5),
        ({"device": "little/probe"}, 5),
        ({"device": "other/probe"}, 0),
        ({"kind": "Thing", "quantity": "occupancy"}, 1),
        ({"under": "little/probe"}, 5),
        ({"under": "/little/probe/level/"}, 1),
        ({"under": "little/pro"}, 0),
    ],
)
def test_a_filter_takes_ids_with_and_without_district_and_what_lies_in_a_site(seen, filters, count):
    """All filters hold at once."""
    assert len(taken(seen(EVERYTHING), **filters)) == count


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"site": "hous"}, "site=hous (did you mean house?)"),
        ({"site": "little/blok"}, "site=little/blok (did you mean little/block?)"),
        ({"device": "prob", "kind": "Thing"}, "device=prob (did you mean probe?), kind=Thing"),
        ({"kind": "Thign"}, "kind=Thign (did you mean Thing?)"),
        ({"quantity": "air_temperatur"}, "quantity=air_temperatur (did you mean air_temperature?)"),
        ({"dataset": "wether"}, "dataset=wether (did you mean weather?)"),
        ({"under": "litle"}, "under=litle (did you mean little?)"),
        ({"under": "little/prob"}, "under=little/prob (did you mean little/probe?)"),
        ({"kind": "Thing", "site": "hushyard"}, "kind=Thing, site=hushyard"),
    ],
)
def test_where_nothing_is_left_misspelt_names_come_with_the_nearest(seen, filters, words):
    """Names that are right come as they are."""
    assert str(Filters(filters, seen(EVERYTHING)).nothing()) == f"there is no point with {words}"


@pytest.mark.parametrize(
    ("scope", "under", "known"),
    [
        (EVERYTHING, None, True),
        *(
            (EVERYTHING, path, True)
            for path in ("little", "/little/probe/", "little/block", "little/probe/level")
        ),
        *((EVERYTHING, path, False) for path in ("litle", "little/pro", "block", "little/probe/levels", "")),
        *((OPEN, path, True) for path in ("little", "little/probe", "little/house", "little/block")),
        *((OPEN, path, False) for path in ("little/hushyard", "little/hushmeter", "little/probe/energy")),
    ],
)
def test_nothing_is_shown_under_a_name_only_where_that_name_is(seen, scope, under, known):
    """A district, a device, a site with those around it, or a point, of what is seen."""
    if known:
        hold_under(under, seen(scope))
    else:
        with pytest.raises(UnknownName, match="there is no point, device, site or district"):
            hold_under(under, seen(scope))


HIDDEN = ({"site": "hushyrd"}, {"device": "hushmetr"}, {"kind": "Hushkin"}, {"under": "little/hushmetr"})


@pytest.mark.parametrize(
    ("scope", "filters"),
    [
        (OPEN, {"dataset": "hushlevel"}),
        *((scope, one) for scope in (OPEN, Scope(sites=frozenset({"little/house"}))) for one in HIDDEN),
    ],
)
def test_nothing_is_suggested_that_does_not_exist_for_who_asks(seen, scope, filters):
    """A name that they may not see is never the nearest one; for who sees it, it is."""
    assert "did you mean" not in str(Filters(filters, seen(scope)).nothing())
    assert (
        "did you mean hush"
        in str(Filters(filters, seen(EVERYTHING)).nothing()).replace("little/", "").lower()
    )
