"""`datasets.yaml`: what it says, and everything that is wrong with it at once, where it stands."""

import pytest

from tests.twin.datasets.town import HEAD, book, wrong
from twin.access.scope import Tier
from twin.datasets.licences import LICENCES, check_licence, licence_url
from twin.resolution import Resolution

AIR = f"  - {{id: air, {HEAD}, tier: open, points: {{for: {{kind: Meter}}, names: temperature}}}}\n"
SUMS = (
    f"  - {{{{id: a, {HEAD}, tier: open, points: {{{{for: {{{{kind: Meter}}}}, names: energy}}}},"
    " figures: {{{}}}}}\n"
)


def test_what_a_file_says_is_what_the_platform_knows(tmp_path):
    """Points by selection and by name, what is left out has its default, the owner is looked up."""
    found = book(
        tmp_path,
        AIR + f"  - {{id: some, {HEAD}, tier: partner, finest: 15m, listed: true, keywords: [a, b],"
        " points: [{on: m0, quantities: active_energy_import}, {for: {devices: [m1, m2]},"
        " without: [temperature, power]}]}\n",
    )
    air, some = found.datasets

    assert (air.tier, air.finest, air.listed, len(air.members)) == (Tier.OPEN, Resolution.RAW, False, 24)
    assert some.members == tuple(
        f"town/{one}" for one in ("m0/energy", "m1/energy", "m1/given", "m2/energy", "m2/given")
    )
    assert (some.finest, some.keywords, some.key) == (Resolution.QUARTER, ("a", "b"), "town/some")
    assert found.owners["city"].name == "The city"
    assert found.of("town/m0/temperature") is air
    assert found.of("town/m0/power") is None


def test_everything_that_is_wrong_is_said_at_once_where_it_stands(tmp_path):
    """Names that nobody has, keys that do not exist, ids twice: each with its line, and with what was meant."""
    found = wrong(
        tmp_path,
        "  - {id: a, title: A, owner: citty, contact: nobody, licence: CC-BY-4, tier: public,\n"
        "     points: {for: {kind: Meter}}}\n"
        f"  - {{id: b, {HEAD}, tier: partner, points: {{for: {{kind: Metre}}, names: energi}}, keyword: [x]}}\n"
        f"  - {{id: c, {HEAD.replace('city,', 'citty,')}, tier: partner,\n"
        "     points: [{on: m0, names: energi}, {on: m99}, {for: {kind: Meter}, quantities: active_energy_imports}]}\n"
        f"  - {{id: c, {HEAD}, tier: partner, points: {{on: m1, for: {{kind: Meter}}}}}}\n",
    )

    for line in (
        "datasets.yaml:3: datasets[0].contact: a contact is a mail address or a URL, found 'nobody'",
        (
            "datasets.yaml:3: datasets[0].licence: a licence is the SPDX id of one for data, such as CC-BY-4.0 "
            "or ODbL-1.0, or a URL (did you mean CC-BY-4.0?), found 'CC-BY-4'"
        ),
        "datasets.yaml:3: datasets[0].tier: must be open, partner or operator, found 'public'",
        "datasets.yaml:5: datasets[1].keyword: unknown key (did you mean keywords?)",
        "datasets.yaml:6: datasets[2].owner: there is no owner 'citty' in `owners` (did you mean city?)",
        "datasets.yaml:7: datasets[2].points[0].names: none of these has a point 'energi' (did you mean energy?)",
        "datasets.yaml:7: datasets[2].points[1].on: there is no device or site 'm99' (did you mean m9?)",
        (
            "datasets.yaml:7: datasets[2].points[2].quantities: there is no quantity 'active_energy_imports' "
            "(did you mean active_energy_import?)"
        ),
        "datasets.yaml:8: datasets[3].id: id 'c' is taken, it stands first in line 6",
        "datasets.yaml:8: datasets[3].points: has exactly one of `on` and `for`, found both",
    ):
        assert line in found


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        (
            AIR + AIR.replace("id: air", "id: more"),
            "town/m0/temperature (and 23 more) is in dataset 'air' already",
        ),
        (
            f"  - {{id: a, {HEAD}, tier: open, points: {{for: {{kind: Meter}}, names: energy}}}}\n",
            "town/m0/energy (active_energy_import) and 23 more: a meter is open only as figures",
        ),
        (
            f"  - {{id: a, {HEAD}, tier: open, points: {{on: m3, names: power}}}}\n",
            "town/m3/power (active_power): a meter is open only as figures",
        ),
        (
            f"  - {{id: a, {HEAD}, tier: partner, points: {{for: {{kind: Meter}}, names: energy}}, figures: {{}}}}\n",
            "figures are for everybody: tier must be open, found partner",
        ),
        (
            f"  - {{id: a, {HEAD}, tier: open, points: {{for: {{kind: Meter}}, names: power}}, figures: {{}}}}\n",
            "figures are sums of what meters count (energy, water, gas), and town/m0/power is active_power",
        ),
        (
            SUMS.format("by: Hose"),
            "must be district, site, or the kind of a site, found 'Hose' (did you mean House?)",
        ),
        (
            SUMS.format("every: 30m"),
            "figures.every: must be 15m, 1h or 1d, found '30m'",
        ),
        (
            SUMS.format("at_least: 3"),
            "figures.at_least: must be greater than or equal to 4",
        ),
        (
            SUMS.format("at_least: 25"),
            "no group has 25 meters: the largest, district (active_energy_import), has 24",
        ),
        (
            f"  - {{id: a, {HEAD}, tier: open, listed: true, points: {{on: m3, names: temperature}}}}\n",
            "listed is for datasets of partners, found tier open",
        ),
    ],
)
def test_what_would_show_a_dwelling_or_makes_no_sense_is_a_fault(tmp_path, datasets, words):
    """Meters are open as sums only, sums are of registers, a point belongs to one dataset."""

    assert words in wrong(tmp_path, datasets)


def test_a_reason_opens_meters_that_show_no_dwelling(tmp_path):
    """A pump's meter may be open, and the file says why."""
    found = book(
        tmp_path,
        f"  - {{id: a, {HEAD}, tier: open, no_dwelling: It is a pump in the street., points: {{on: m3}}}}\n",
    )

    assert found.datasets[0].no_dwelling == "It is a pump in the street."


def test_what_is_computed_from_a_meter_is_a_meter(tmp_path):
    """The sum over one meter is that meter: open only with a reason, or not at all."""
    (tmp_path / "derived.yaml").write_text(
        "derived:\n"
        "  - {on: square, point: sum, quantity: solar_share, is: m0/power / 1 kW}\n"
        "  - {on: square, point: again, quantity: solar_share, is: sum}\n"
    )

    found = wrong(tmp_path, f"  - {{id: a, {HEAD}, tier: open, points: {{on: square, names: again}}}}\n")

    assert "town/square/again (solar_share): a meter is open only as figures" in found


def test_what_everybody_sees_of_a_meter_is_not_in_figures_too(tmp_path):
    """Whoever knows one of ten meters subtracts it, with whatever reason it is open; so is what is computed from it."""
    figures = (
        f"  - {{id: a, {HEAD}, tier: open, points: {{for: {{kind: Meter}}, names: energy}}, figures: {{}}}}\n"
    )
    reason = "no_dwelling: It is a pump in the street."
    (tmp_path / "derived.yaml").write_text(
        "derived: [{on: square, point: sum, quantity: solar_share, is: m0/power / 1 kW}]\n"
    )
    itself = f"  - {{id: b, {HEAD}, tier: open, {reason}, points: {{on: m3, names: power}}}}\n"
    computed = f"  - {{id: c, {HEAD}, tier: open, {reason}, points: {{on: square, names: sum}}}}\n"

    found = wrong(tmp_path, figures + itself + computed)

    assert (
        "town/m3/power is of a meter that 'a' has in its figures: it could be subtracted from them" in found
    )
    assert "town/square/sum is computed from town/m0/power, of a meter that 'a' has in its figures" in found


def test_every_licence_leads_to_its_document():
    """An id is what SPDX calls it, in its capitals; a URL stands for itself; anything else is refused."""

    assert all(check_licence(one) == one and url.startswith("https://") for one, url in LICENCES.items())
    assert licence_url("https://city.example/terms") == "https://city.example/terms"
    with pytest.raises(ValueError, match=r"did you mean CC-BY-4\.0"):
        check_licence("cc-by-4.0")
    with pytest.raises(ValueError, match="or a URL"):
        check_licence('https://city.example/"><script>')
