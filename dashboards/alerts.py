"""Alert rules for what barrio itself cannot say: that it is silent, that nothing is stored, that the store is away.

Three rules a district, in the shape of Grafana's provisioning API (`docs/sources/developers/http_api/
alerting_provisioning.md` of Grafana 11 and 12, `ProvisionedAlertRule`): a query on the raw data source, reduced to one
number (`B`), held against a limit (`C`). Grafana never fills variables of dashboards into an alert's query, so each
is written out; `$timeFilter` and the interval are filled in by Grafana's server.

The count of stored readings is one for all districts that a platform runs: a district of which nothing is heard is for
barrio to say, which it does. Each of the three fires for its own reason only. Silence is an alarm where no row is
(`noDataState`), and says nothing of a store that does not answer; that is the third rule's (`execErrState`). All else
that a district has to say comes from barrio, see docs/alarms.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dashboards.kit.names import TAG, folder_uid, page_uid, rule_uid, source_uid
from twin.model.provision_spec import AlertsSpec
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dashboards.generate import Dashboard, Options
    from twin.model.district import District
    from twin.model.provision_spec import GrafanaSpec

GROUP = "barrio"
"""Name of the group that a district's rules are in, in the district's folder."""
INTERVAL_S = 60
"""How often Grafana asks."""
ROOT_TITLE = "Barrio"
"""Title of the folder above those of districts."""

State = Literal["OK", "Alerting", "KeepLast"]
Lang = Literal["en", "es"]

_EXPRESSION = "__expr__"
# What Grafana writes into a query that says neither: rules are compared with what they were sent as.
_INTERVAL_MS, _MAX_POINTS = 1_000, 43_200
_AWAY_RANGE_S = 300
# Grafana takes titles of up to 190 bytes (`AlertRuleMaxTitleLength`); the rest is for what a rule says.
_NAME_BYTES = 120
# How a path of titles writes a slash inside one of them.
_SLASH = r"\/"


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule; `json` is what Grafana is sent, without what says where it stands (folder, group)."""

    uid: str
    title: str
    json: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The rules of one district. `folder_path` is the folder by its titles, as files that are provisioned name it."""

    district: str
    folder_uid: str
    folder_path: str
    name: str
    interval_s: int
    rules: tuple[Rule, ...]

    def put(self) -> dict[str, Any]:
        """Return the body of `PUT /api/v1/provisioning/folder/FOLDER/rule-groups/GROUP`."""
        rules = [
            {"folderUID": self.folder_uid, "ruleGroup": self.name, "orgID": 1, **rule.json}
            for rule in self.rules
        ]
        return {
            "title": self.name,
            "folderUid": self.folder_uid,
            "interval": self.interval_s,
            "rules": rules,
        }


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the three rules: what it asks, when it fires, and what it says in each language."""

    name: str
    function: str
    field: str
    fires_below: float
    no_data: State
    failed: State
    lasts: str
    severity: Literal["critical", "high"]
    title: dict[Lang, str]
    summary: dict[Lang, str]
    description: dict[Lang, str]


_SILENT = _Kind(
    name="silent",
    function="count",
    field="points",
    fires_below=1,
    no_data="Alerting",
    failed="KeepLast",
    lasts="1m",
    severity="critical",
    title={"en": "{name}: the platform is silent", "es": "{name}: la plataforma no da señales"},
    summary={
        "en": "Barrio has said nothing of {name} for {span}.",
        "es": "Barrio no ha dicho nada de {name} desde hace {span}.",
    },
    description={
        "en": "Barrio tells how it is every 30 s, and no such row is in the store. Either it does not run, or it "
        "cannot write. Nothing of the district is alarmed meanwhile. Look at `barrio status` where it runs.",
        "es": "Barrio dice cómo está cada 30 s, y la base de datos no tiene esas filas. O no está en marcha, "
        "o no puede escribir. Mientras tanto no hay alarmas del distrito. Mire `barrio status` donde se ejecuta.",
    },
)
_STALLED = _Kind(
    name="stalled",
    function="spread",
    field="stored",
    fires_below=1,
    no_data="OK",
    failed="KeepLast",
    lasts="1m",
    severity="high",
    title={"en": "{name}: no readings are stored", "es": "{name}: no se guardan lecturas"},
    summary={
        "en": "Not one reading of {name} was stored for {span}, though barrio runs.",
        "es": "No se ha guardado ninguna lectura de {name} en {span}, aunque barrio está en marcha.",
    },
    description={
        "en": "The count of stored readings stands still. Either no device is heard, or the store takes nothing; "
        "readings that were taken wait in the spool. Look at data quality, and at `barrio status`.",
        "es": "El número de lecturas guardadas no avanza. O ningún equipo comunica, o la base de datos no admite nada; "
        "las lecturas tomadas esperan en la cola. Mire la calidad de los datos y `barrio status`.",
    },
)
_AWAY = _Kind(
    name="away",
    function="count",
    field="points",
    # A count is never below 0: this one fires only where there is no answer.
    fires_below=0,
    no_data="OK",
    failed="Alerting",
    lasts="2m",
    severity="high",
    title={"en": "{name}: the store does not answer", "es": "{name}: la base de datos no responde"},
    summary={
        "en": "Grafana gets no answer about {name} from the store.",
        "es": "Grafana no obtiene respuesta de la base de datos sobre {name}.",
    },
    description={
        "en": "A query on the data source of {name} fails: InfluxDB is away, or the token that reads it is no longer "
        "good. Dashboards stay empty until then. `barrio apply` renews a token.",
        "es": "Una consulta a la fuente de datos de {name} falla: InfluxDB no está disponible o el token de lectura "
        "ya no vale. Los paneles quedan vacíos hasta entonces. `barrio apply` renueva un token.",
    },
)
KINDS = (_SILENT, _STALLED, _AWAY)


def rule_groups(
    districts: Sequence[District], options: Options, dashboards: Sequence[Dashboard] = ()
) -> tuple[RuleGroup, ...]:
    """Return the rules of each district.

    With the generated `dashboards`, each rule leads to the panel that shows what it asks about.
    """
    pages = {page.uid: page.json for page in dashboards}
    return tuple(_group(district, options.lang, pages) for district in districts)


def receiver_name(district: str, receiver: str) -> str:
    """Return the name of a contact point, by which rules and people know it."""
    return f"{TAG} {district} {receiver}"


def as_file(groups: Sequence[RuleGroup]) -> dict[str, Any]:
    """Return rules as one file for Grafana's `provisioning/alerting`, which names folders by their titles."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": group.name,
                "folder": group.folder_path,
                "interval": f"{group.interval_s}s",
                "rules": [rule.json for rule in group.rules],
            }
            for group in groups
        ],
    }


def _group(district: District, lang: Lang, pages: dict[str, dict[str, Any]]) -> RuleGroup:
    grafana = district.provisioning.grafana if district.provisioning is not None else None
    rules = tuple(_rule(kind, district, grafana, lang, pages) for kind in KINDS)
    path = f"{ROOT_TITLE}/{district.name.replace('/', _SLASH)}"
    return RuleGroup(district.id, folder_uid(district.id), path, GROUP, INTERVAL_S, rules)


def _called(name: str) -> str:
    """Return a district's name as it stands in a rule: short, and not the beginning of a template."""
    apart = re.sub(r"\{(?=\{)", "{ ", name)
    cut = apart.encode()[:_NAME_BYTES].decode(errors="ignore")
    return apart if cut == apart else f"{cut.rstrip()}…"


def _rule(
    kind: _Kind, district: District, grafana: GrafanaSpec | None, lang: Lang, pages: dict[str, dict[str, Any]]
) -> Rule:
    alerts = grafana.alerts if grafana is not None else AlertsSpec()
    range_s = {"silent": alerts.silent_after, "stalled": alerts.no_growth_for}.get(kind.name, _AWAY_RANGE_S)
    names = {"name": _called(district.name), "span": _span(int(range_s))}
    uid, title = rule_uid(district.id, kind.name), kind.title[lang].format(**names)
    json: dict[str, Any] = {
        "uid": uid,
        "title": title,
        "condition": "C",
        "data": _data(kind, district.id, int(range_s)),
        "noDataState": kind.no_data,
        "execErrState": kind.failed,
        "for": kind.lasts,
        "isPaused": False,
        "labels": {TAG: kind.name, "district": district.id, "severity": kind.severity},
        "annotations": {
            "summary": kind.summary[lang].format(**names),
            "description": kind.description[lang].format(**names),
            **_panel(pages, page_uid(district.id, "quality")),
        },
    }
    if alerts.receiver is not None:
        # Each rule names who is told: the organisation's tree of notification policies stays as it is.
        json["notification_settings"] = {"receiver": receiver_name(district.id, alerts.receiver)}
    return Rule(uid, title, json)


def _data(kind: _Kind, district: str, range_s: int) -> list[dict[str, Any]]:
    source = source_uid(district, Resolution.RAW)
    query = (
        f'SELECT {kind.function}("{kind.field}") AS "{kind.name}" FROM "barrio_health" '  # noqa: S608
        f"WHERE \"district\" = '{district}' AND $timeFilter"
    )
    asked = {
        "datasource": {"type": "influxdb", "uid": source},
        "query": query,
        "rawQuery": True,
        "resultFormat": "time_series",
    }
    limit = {"evaluator": {"type": "lt", "params": [kind.fires_below]}}
    return [
        _query("A", source, range_s, asked),
        _query("B", _EXPRESSION, 0, {"type": "reduce", "expression": "A", "reducer": "last"}),
        _query("C", _EXPRESSION, 0, {"type": "threshold", "expression": "B", "conditions": [limit]}),
    ]


def _query(ref: str, source: str, range_s: int, model: dict[str, Any]) -> dict[str, Any]:
    datasource = {"type": _EXPRESSION, "uid": _EXPRESSION} if source == _EXPRESSION else model["datasource"]
    return {
        "refId": ref,
        "datasourceUid": source,
        "relativeTimeRange": {"from": range_s, "to": 0},
        "model": {
            "refId": ref,
            **model,
            "datasource": datasource,
            "intervalMs": _INTERVAL_MS,
            "maxDataPoints": _MAX_POINTS,
        },
    }


def _panel(pages: dict[str, dict[str, Any]], uid: str) -> dict[str, str]:
    """Return the annotations that lead to a panel; Grafana refuses one of the two without the other."""
    for panel in _panels(pages.get(uid, {}).get("panels", ())):
        if any("barrio_health" in target.get("query", "") for target in panel.get("targets", ())):
            return {"__dashboardUid__": uid, "__panelId__": str(panel["id"])}
    return {}


def _panels(panels: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", ()))


def _span(seconds: int) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
