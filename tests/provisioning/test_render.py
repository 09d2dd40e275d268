"""Files for a Grafana's disk and for Git."""

import json
import re

import pytest
import yaml
from typer.testing import CliRunner

from barrio import cli
from dashboards.generate import Options, generate
from dashboards.kit.names import folder_uid, source_uid
from provisioning import render as module
from provisioning.plan import ProvisioningError
from provisioning.render import MOUNT, TOKENS, files, render
from provisioning.tokens import read_name
from twin.resolution import Resolution

STORE = "http://influxdb:8086"
ALERTS = "grafana: {receivers: [{id: ops, email: a@b.example}], alerts: {receiver: ops}}\nutilities: []\n"


def documents(out):
    """Return what the folder holds, parsed, by path."""
    found = {}
    for path in sorted(out.rglob("*.*")):
        if path.suffix == ".yaml":
            found[str(path.relative_to(out))] = yaml.safe_load(path.read_text())
        elif path.suffix == ".json" and not path.name.startswith("."):
            found[str(path.relative_to(out))] = json.loads(path.read_text())
    return found


def test_what_is_rendered_is_what_is_generated(district, tmp_path):
    """Each dashboard is a file in its district's folder, as generated; providers read each folder into Grafana's."""
    render([district], Options(), STORE, tmp_path)
    found = documents(tmp_path)
    pages = generate([district], Options())

    for page in pages:
        assert found[f"dashboards/{page.district or 'barrio'}/{page.name}.json"] == page.json
    providers = found["provisioning/dashboards/barrio.yaml"]["providers"]
    mine = next(one for one in providers if one["name"] == "barrio-salinas")
    assert (mine["folder"], mine["folderUid"]) == ("Salinas", folder_uid("salinas"))
    assert (mine["allowUiUpdates"], mine["options"]) == (False, {"path": f"{MOUNT}/dashboards/salinas"})
    folders = {one["options"]["path"] for one in providers}
    assert folders == {f"{MOUNT}/dashboards/{page.district or 'barrio'}" for page in pages}


def test_a_data_source_names_the_file_of_its_token(district, tmp_path):
    """Four data sources with the uids of dashboards, each with its own token's file, and no secret."""
    render([district], Options(), STORE, tmp_path)
    found = documents(tmp_path)["provisioning/datasources/barrio-salinas.yaml"]

    assert [one["uid"] for one in found["datasources"]] == [source_uid("salinas", one) for one in Resolution]
    for resolution, one in zip(Resolution, found["datasources"], strict=True):
        assert one["secureJsonData"] == {
            "httpHeaderValue1": f"Token $__file{{{TOKENS}/{read_name('salinas', resolution)}}}"
        }
        assert one["jsonData"]["httpHeaderName1"] == "Authorization"
        assert one["jsonData"]["dbName"] == resolution.database("salinas")
        assert (one["url"], one["editable"], "basicAuth" in one) == (STORE, False, False)


def test_rules_leave_it_to_grafana_who_is_told(make_district, tmp_path):
    """Grafana reads no secret of a receiver from a file, so no rule names one that would not be there."""
    district = make_district(utilities=ALERTS)
    render([district], Options(lang="es"), STORE, tmp_path)
    [group] = documents(tmp_path)["provisioning/alerting/barrio-salinas.yaml"]["groups"]

    assert (group["folder"], group["name"]) == ("Alertas de Barrio", "barrio salinas")
    assert len(group["rules"]) >= 2
    assert not [rule for rule in group["rules"] if "notification_settings" in rule]
    assert "$timeFilter" in json.dumps(group)


def test_the_same_districts_give_the_same_bytes(district, tmp_path):
    """A second render changes no file, and says nothing."""
    first = render([district], Options(), STORE, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = render([district], Options(), STORE, tmp_path)

    assert first == [f"new {name}" for name in sorted(files([district], Options(), STORE))]
    assert again == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_no_longer_wanted_goes_and_other_peoples_files_stay(make_district, tmp_path):
    """A district that is not rendered any more leaves nothing behind, but what somebody put or wrote there."""
    salinas, norte = make_district(), make_district("norte")
    out = tmp_path / "out"
    render([salinas, norte], Options(), STORE, out)
    (out / "dashboards" / "norte" / "own.json").write_text("{}")
    (out / "dashboards" / "other.json").write_text("{}")
    changed = out / "provisioning" / "alerting" / "barrio-norte.yaml"
    changed.write_text("mine: 1\n")
    lines = render([salinas], Options(), STORE, out)

    assert (
        "left provisioning/alerting/barrio-norte.yaml: no longer wanted, and changed since it was written"
        in lines
    )
    assert "removed provisioning/datasources/barrio-norte.yaml" in lines
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*norte*"))
    assert left == ["dashboards/norte", "provisioning/alerting/barrio-norte.yaml"]
    assert [path.name for path in (out / "dashboards" / "norte").iterdir()] == ["own.json"]
    assert (out / "dashboards" / "other.json").exists()
    assert not [line for line in render([salinas], Options(), STORE, out) if line.startswith("removed")]


def test_a_list_that_somebody_forged_leads_nowhere_else(district, tmp_path):
    """Paths that leave the folder are not removed, whatever the list says."""
    victim = tmp_path / "victim"
    victim.write_text("x")
    out = tmp_path / "out"
    render([district], Options(), STORE, out)
    listed = json.loads((out / ".barrio-render.json").read_text())
    digest = module._digest("x")
    (out / ".barrio-render.json").write_text(json.dumps(listed | {"../victim": digest, str(victim): digest}))
    render([district], Options(), STORE, out)

    assert victim.exists()


def test_signs_that_grafana_would_fill_in_are_written_twice(make_district, tmp_path):
    """A dollar in a name or an address stays one."""
    district = make_district()
    object.__setattr__(district, "name", "Salinas $HOME")
    render([district], Options(), "http://h:8086/$x", tmp_path)
    found = documents(tmp_path)

    assert "Salinas $$HOME" in {
        one["folder"] for one in found["provisioning/dashboards/barrio.yaml"]["providers"]
    }
    assert found["provisioning/datasources/barrio-salinas.yaml"]["datasources"][0]["url"].endswith("/$$x")
    [group] = found["provisioning/alerting/barrio-salinas.yaml"]["groups"]
    assert all(rule["title"].startswith("Salinas $$HOME: ") for rule in group["rules"])


def test_no_secret_is_written(district, tmp_path, monkeypatch):
    """With every secret of the settings set, none is in any file."""
    for name in ("ADMIN_TOKEN", "STORE_TOKEN", "GRAFANA_TOKEN", "GRAFANA_PASSWORD"):
        monkeypatch.setenv(f"BARRIO_{name}", "canary-4711")
    monkeypatch.setenv("BARRIO_STORE", STORE)
    folder = str(district.folder)
    result = CliRunner().invoke(cli.app, ["render", folder, "--out", str(tmp_path / "out")])

    assert result.exit_code == 0, result.output
    assert "new provisioning/dashboards/barrio.yaml" in result.output
    texts = [path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [text for text in [*texts, result.output] if "canary" in text]


def test_what_cannot_be_rendered_is_one_line(district, tmp_path, monkeypatch):
    """A folder that is a file, a language that there is not, and a store that Grafana cannot read."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ProvisioningError, match=r"^write .*/file"):
        render([district], Options(), STORE, tmp_path / "file")

    def said(*more: str) -> str:
        given = ["render", str(district.folder), "--out", str(tmp_path / "out"), *more]
        return str(CliRunner().invoke(cli.app, given).exception)

    assert "--lang: 'fr' is none of en, es" in said("--lang", "fr", "--store", STORE)
    hidden = said("--store", "http://reader:canary@influxdb:8086")
    assert hidden == (
        "BARRIO_STORE: the URL holds a user or password: each data source gets a token of its own"
    )
    monkeypatch.delenv("BARRIO_STORE", raising=False)
    assert re.match(r"BARRIO_STORE: Grafana reads an InfluxDB, and the store is duckdb: ", said())
