"""What the tests of Grafana's side start from: a stand-in, a district or two, and a target for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.registry import Connectors
from dashboards.generate import Dashboard, Options
from dashboards.kit.names import CITY, ROOT_FOLDER, district_tag, folder_uid, page_uid
from provisioning.grafana.client import Login
from provisioning.grafana.target import Access, Grafana
from provisioning.plan import Outcome, Step, apply
from provisioning.tokens import Tokens, read_name
from tests.dashboards.districts import PROFILES, small
from tests.provisioning.grafana_stand_in import ADMIN, GrafanaStandIn
from twin.model.district import District
from twin.model.loader import load_district
from twin.resolution import Resolution

CANARY = "canary"
SECRETS = {"hook-url": "https://hooks.example/canary-url", "hook": "canary-hook"}
DEVICES = "{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://127.0.0.1:5683'}"
PROVISIONING = """\
grafana:
  home: true
  teams:
    - {name: Servicios, permission: edit}
    - {name: Vecinos}
  receivers:
    - {id: operations, email: [a@b.example, c@d.example]}
    - {id: hook, webhook: "${secret:hook-url}", secret: "${secret:hook}"}
  alerts: {receiver: hook, silent_after: 5min, no_growth_for: 15min}
"""


def pages(districts: Sequence[District], options: Options) -> tuple[Dashboard, ...]:
    """Return small dashboards in the form of the real ones."""
    made = [_page(CITY, "Barrio", None, ROOT_FOLDER, [district_tag("all")], options)]
    for each in districts:
        for name in ("home", "quality"):
            uid, folder = page_uid(each.id, name), folder_uid(each.id)
            made.append(_page(uid, f"{each.name}: {name}", each.id, folder, [district_tag(each.id)], options))
    return tuple(made)


def _page(
    uid: str, title: str, district: str | None, folder: str, tags: list[str], options: Options
) -> Dashboard:
    panel = {
        "id": 7,
        "type": "stat",
        "title": "Links",
        "gridPos": {"x": 0, "y": 0, "w": 6, "h": 4},
        "targets": [
            {"refId": "A", "query": 'SELECT last("links_up") FROM "barrio_health"', "rawQuery": True}
        ],
        "fieldConfig": {"defaults": {"unit": "short", "decimals": 0}, "overrides": []},
        "transparent": False,
    }
    own = [tag for tag in tags if tag != district_tag("all")]
    json: dict[str, Any] = {
        "uid": uid,
        "title": title,
        "description": options.lang,
        "tags": ["barrio", *own],
        "editable": False,
        "schemaVersion": 41,
        "timezone": "America/Mexico_City",
        "panels": [panel],
        "templating": {"list": [{"name": "device", "type": "custom", "query": "lamp-1"}]},
        "annotations": {"list": []},
    }
    return Dashboard(uid, title, district, folder, uid, json)


@dataclass
class World:
    """A Grafana, districts, tokens; `target` makes what a command would."""

    grafana: GrafanaStandIn
    folder: Path
    tokens: Tokens
    districts: list[District] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=lambda: dict(SECRETS))
    options: Options = field(default_factory=Options)
    login: Login = field(default_factory=lambda: Login(token=ADMIN))
    store_url: str = "http://influxdb:8086"
    generate: Any = pages
    _open: list[Grafana] = field(default_factory=list)

    def district(self, name: str = "tequila", provisioning: str = PROVISIONING, title: str = "") -> District:
        """Return a district, as files say, with a token for each of its databases."""
        number = len(list(self.folder.iterdir())) if self.folder.exists() else 0
        made = small(self.folder / str(number), DEVICES, name=name, provisioning=provisioning)
        if title:
            file = self.folder / str(number) / name / "district.yaml"
            file.write_text(file.read_text().replace(f"name: {name.title()}", f"name: {title}", 1))
            made = load_district(file.parent, Connectors(), [PROFILES])
        for resolution in Resolution:
            if self.tokens.read(read_name(name, resolution)) is None:
                self.tokens.write(read_name(name, resolution), f"token-{name}-{resolution.value}-canary==")
        return made

    def target(self, *districts: District, url: str = "") -> Grafana:
        """Return a target for districts, those of the world when none is named."""
        access = Access(url or self.grafana.url, self.login, self.store_url, timeout_s=5)
        made = Grafana(
            access,
            districts or tuple(self.districts),
            self.tokens,
            self.options,
            self.generate,
            self.secrets.__getitem__,
        )
        if not url and self._open and self._open[0].access.login == self.login:
            made._client = self._open[0]._client
        self._open.append(made)
        return made

    def plan(self, *districts: District) -> list[Step]:
        """Return a plan."""
        return self.target(*districts).plan()

    def apply(self, *districts: District) -> Outcome:
        """Plan and apply; it has to succeed."""
        outcome = apply(self.plan(*districts))
        assert outcome.error is None, outcome.error
        return outcome

    def close(self) -> None:
        """Release all connections."""
        for each in self._open:
            each.close()


@pytest.fixture(params=["11.6.0", "12.1.0", "13.0.2"])
def grafana(request) -> Iterator[GrafanaStandIn]:
    """A Grafana with things in it that are not barrio's."""
    with GrafanaStandIn(request.param) as server:
        server.add_folder("ops", "Operations")
        server.add_page("ops-board", "Somebody's board", "ops", tags=["mine"])
        server.add_team("Ops")
        server.points["mail"] = {
            "uid": "mail",
            "name": "grafana-default-email",
            "type": "email",
            "settings": {"addresses": "x@y.example"},
            "disableResolveMessage": False,
            "provenance": "",
        }
        server.sources["prom"] = {
            "id": 900,
            "uid": "prom",
            "orgId": 1,
            "version": 3,
            "name": "Prometheus",
            "type": "prometheus",
            "access": "proxy",
            "url": "http://prometheus:9090",
            "database": "",
            "basicAuth": False,
            "basicAuthUser": "",
            "isDefault": True,
            "jsonData": {},
            "readOnly": False,
            "secure": {},
        }
        yield server


@pytest.fixture
def world(grafana, tmp_path) -> Iterator[World]:
    """One district and a Grafana that knows nothing of it."""
    made = World(grafana, tmp_path / "districts", Tokens(tmp_path / "tokens"))
    made.districts.append(made.district())
    yield made
    made.close()
