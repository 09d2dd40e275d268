"""`intervals.yaml`: what it may say, and how its faults are told."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from barrio.assembly import load_all
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, write_district
from twin.clock import NS
from twin.errors import ConfigError
from twin.intervals.flags import Flag
from twin.intervals.rules import GENERIC
from twin.intervals.spec import IntervalsSpec, RegisterSpec

PAGE = (Path(__file__).parents[3] / "docs" / "intervals.md").read_text(encoding="utf-8")
RELATED = """\
district: little
name: Little
timezone: America/Mexico_City
location: {lat: 20.5, lon: -100.3}
sites: [{id: house, kind: Building}, {id: yard, kind: Plaza}]
relations: [{type: feeds, from: meter, to: probe}]
"""


def loaded(folder: Path, text: str):
    """Return the little district with this `intervals.yaml`."""
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    write_district(folder / "little", district=RELATED)
    (folder / "little" / "intervals.yaml").write_text(text)
    profile = folder / "little" / "profiles" / "thing.yaml"
    profile.write_text(profile.read_text() + "  power: {quantity: active_power, slot: 3}\n")
    return load_all([str(folder / "little")], Path(), connectors, folder)[0]


def test_the_page_s_file_is_one(tmp_path):
    """The example of the page is read as it stands, and says what the page says."""
    [text] = re.findall(r"`intervals.yaml`\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    plan = loaded(tmp_path, text).intervals

    assert plan.usual == GENERIC
    assert plan.rules["little/meter/energy"].high == 250
    assert plan.rules["little/meter/energy"].spike is None
    assert plan.rules["little/meter/energy"].beside == "power"
    assert plan.rules["little/probe/energy"].spike == 1.8
    assert plan.sums[0].parts == plan.sums[1].parts == ("little/probe/energy",)
    assert date(2026, 12, 25) in plan.holidays
    assert plan.changes[0].at == round(datetime(2026, 11, 20, 16, 30, tzinfo=UTC).timestamp()) * NS


def test_the_page_names_every_key_and_every_flag():
    """The reference of the page is whole."""
    for key in {*IntervalsSpec.model_fields, *RegisterSpec.model_fields} - {"quantity", "point"}:
        assert f"`{key}`" in PAGE
    for flag in Flag:
        assert f"| `{flag.slug}` | {flag.meaning} |" in PAGE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spiky: 2", "spiky"),
        ("registers: [{quantity: active_energy_imprt, high: 5}]", "did you mean active_energy_import"),
        ("registers: [{high: 5}]", "say which"),
        ("registers: [{point: meter/temperature, high: 5}]", "is no register"),
        ("registers: [{point: meter/enrgy, high: 5}]", "did you mean energy"),
        ("registers: [{point: metr/energy, high: 5}]", "did you mean meter"),
        ("registers: [{point: meter/energy, beside: powr}]", "did you mean power"),
        ("registers: [{point: meter/energy, decimals: 9}]", "decimals"),
        ("sums: [{main: meter/energy}]", "say main and parts"),
        ("sums: [{quantity: active_energy_import, relation: measures}]", "no device measures another one"),
        ("sums: [{quantity: active_energy_import, tolerance: 1.5}]", "tolerance"),
        ("meter_changes: [{point: meter/energy, at: yesterday, old_last: 1, new_first: 0, who: a}]", "at"),
        (
            "meter_changes: [{point: meter/energy, at: 2026-11-20, old_last: -1, new_first: 0, who: a}]",
            "old_last",
        ),
        ("holidays: [christmas]", "holidays"),
        ("reference: {days: 0}", "days"),
        ("boundary_within: 2d", "boundary_within"),
    ],
)
def test_faults_are_told_with_their_place(tmp_path, text, words):
    """Each fault names the file, the line and what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)

    assert "intervals.yaml:1" in str(caught.value)
    assert words in str(caught.value)
