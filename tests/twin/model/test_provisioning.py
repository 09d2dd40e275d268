"""`provisioning.yaml`: what it says without being written, what the page and the demo district write, whose secrets."""

import re
from pathlib import Path

import pytest

from barrio.homes import Secrets, check_provisioning_secrets, check_secrets
from tests.twin.model.folders import faults, load, write
from twin.errors import ConfigError
from twin.model.loader import PROVISIONING_FILE, built_in_districts
from twin.model.provision_spec import ProvisioningSpec, ReceiverSpec, TeamSpec
from twin.resolution import ROLLUPS, Resolution

PAGE = (Path(__file__).parents[3] / "docs" / "district.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"^```yaml\n(grafana:.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def provisioned(folder, text):
    """Return what the small district says with such a file."""
    return load(write(folder, {PROVISIONING_FILE: text})).provisioning


def test_a_district_needs_no_such_file(tmp_path):
    """Without it nothing is said, which is not the same as an empty file."""

    assert load(write(tmp_path)).provisioning is None


def test_what_is_left_out_asks_nobody_outside():
    """Maps without tiles, the organisation's own receivers, no home that was not asked for, no reader."""
    found = ProvisioningSpec()

    assert (found.grafana.basemap, found.grafana.home, found.grafana.teams, found.utilities) == (
        "none",
        False,
        (),
        (),
    )
    assert (found.grafana.alerts.receiver, found.grafana.alerts.silent_after) == (None, 300)
    assert list(found.secrets()) == []


def test_the_example_of_the_page_is_taken(tmp_path):
    """Each key of the page means what it says."""
    found = provisioned(tmp_path, EXAMPLE)

    assert found.grafana.home
    assert found.grafana.teams == (TeamSpec(name="Servicios Maderas", permission="view"),)
    assert [one.id for one in found.grafana.receivers] == ["operations", "control-room"]
    assert (found.grafana.alerts.receiver, found.grafana.alerts.no_growth_for) == ("operations", 900)
    assert found.utilities[0].resolutions == ROLLUPS


def test_the_demo_district_is_looked_at_by_two_teams_and_read_by_two_utilities():
    """Water and electricity read rollups, never raw readings of dwellings; nothing of it is secret."""
    from barrio.assembly import load_all, profiles_folder
    from connectors.registry import Connectors

    [district] = load_all(
        [str(built_in_districts() / "ciudad-maderas")], Path(), Connectors(), profiles_folder()
    )
    found = district.provisioning

    assert found is not None
    assert {team.permission for team in found.grafana.teams} == {"view", "edit"}
    assert len(found.utilities) == 2
    assert not any(Resolution.RAW in one.resolutions for one in found.utilities)
    assert list(found.secrets()) == []


def test_only_provisioning_asks_for_its_secrets(tmp_path):
    """A run needs none of them; `barrio apply` says which line names one that is not set."""
    district = load(write(tmp_path, {PROVISIONING_FILE: EXAMPLE}))
    check_secrets([district], Secrets(None))

    with pytest.raises(ConfigError, match=r"grafana-hook.*BARRIO_SECRET_GRAFANA_HOOK") as raised:
        check_provisioning_secrets([district], Secrets(None))
    [fault] = raised.value.faults

    assert (fault.file, fault.path) == (tmp_path / PROVISIONING_FILE, "grafana.receivers[1].secret")
    assert "grafana-hook" in EXAMPLE.splitlines()[fault.line - 1]


def test_a_webhook_may_be_secret_as_a_whole():
    """Its place is told by name; nobody can say whether it is encrypted, so no reason is asked for."""
    found = ReceiverSpec.model_validate({"id": "chat", "webhook": "${secret:chat-url}"})

    assert list(found.secrets()) == [("webhook", "chat-url")]


@pytest.mark.parametrize(
    "reason",
    [{"webhook": "http://127.0.0.1:9/x"}, {"webhook": "http://a.example/x", "insecure": "own cable"}],
)
def test_what_goes_in_the_open_has_a_reason_or_stays_here(reason):
    """This machine, or a sentence that says why."""

    assert ReceiverSpec.model_validate({"id": "one", **reason}).webhook == reason["webhook"]


@pytest.mark.parametrize("basemap", ["none", "osm", "https://tiles.example.com/{z}/{x}/{y}.png"])
def test_basemaps(tmp_path, basemap):
    """No tiles, everybody's, or those of a server of one's own."""

    assert provisioned(tmp_path, f"grafana: {{basemap: '{basemap}'}}").grafana.basemap == basemap


@pytest.mark.parametrize("text", ["", "grafana: {}\n", "utilities: []\n"])
def test_parts_are_optional(tmp_path, text):
    """A file that says little is a file."""
    if text:
        assert provisioned(tmp_path, text) == ProvisioningSpec()
    else:
        assert "provisioning.yaml" in faults(write(tmp_path, {PROVISIONING_FILE: text}))


@pytest.mark.parametrize(
    "text", ["grafana: []", "grafana: {teams: 3}", "utilities: {a: b}", "grafana: {alerts: x}"]
)
def test_odd_shapes_are_faults_and_no_more(tmp_path, text):
    """What is compared across the file takes whatever stands there."""

    assert faults(write(tmp_path, {PROVISIONING_FILE: text})).startswith("provisioning.yaml:1: ")
