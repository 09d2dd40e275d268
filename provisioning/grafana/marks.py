"""Marks: how ours is told from other people's, and a change by hand from one of the code.

- A dashboard has the tag `barrio`, and a hidden constant variable `barrio_digest`: `DIGEST/VERSION`, the digest of what
  was sent and the version that Grafana made of it. While Grafana has that version, nobody saved since, whatever Grafana
  made of the JSON. After another save, contents are compared without what Grafana writes by itself (`plain`).
- A data source has `jsonData.barrio`: a digest of its fields and one of its secret, which can be written but never read
  back. That of the raw readings also keeps what is wanted of things that have no room for a mark: the folder's title,
  and what its teams may do.
- An alert rule has the label `barrio` and the annotation `barrio_digest`.
- A contact point has a uid of ours and the name that goes with it; a team that was made here has an address of ours.
- A folder has nothing but its uid.

What has a uid of ours without the mark is somebody else's, and left alone.
"""

from __future__ import annotations

from hashlib import scrypt
from typing import TYPE_CHECKING, Any

from dashboards.kit.names import TAG
from provisioning.plan import Difference, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "barrio_digest"
"""Name of the hidden variable of a dashboard, and of the annotation of a rule."""
_SHOWN = 60
_REDACTED = "[REDACTED]"

# What Grafana 11 to 13 add or take away when a dashboard is saved or opened: the number and version are theirs
# (`pkg/registry/apis/dashboard/mutate.go`), a migration raises the schema and fills defaults in
# (`apps/dashboard/pkg/migration`), the editor adds the version of each panel's plugin and the built-in annotations.
_THEIRS = frozenset({"id", "uid", "version", "iteration", "schemaVersion", "gnetId", "style"})
_THEIRS_IN_PANELS = frozenset({"pluginVersion"})
_ZERO = frozenset({"fiscalYearStartMonth", "graphTooltip"})


def of_secret(secret: str, where: str) -> str:
    """Return a digest of a secret that tells another one, and from which it cannot be guessed.

    `where` (a uid) is the salt, so that the same secret in two places does not look the same. Slow on purpose: the
    secret of a webhook may be a word that somebody chose.
    """
    return scrypt(secret.encode(), salt=where.encode(), n=4096, r=8, p=1, dklen=8).hex()


def mark(json: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Return a dashboard with the hidden variable that says what it is, and which version is made of it."""
    value = f"{content_digest(json)}/{version}"
    variable = {
        "type": "constant",
        "name": VARIABLE,
        "hide": 2,
        "query": value,
        "current": {"text": value, "value": value, "selected": False},
        "options": [],
        "skipUrlSync": True,
    }
    templating = json.get("templating") or {}
    variables = templating.get("list", ())
    return {**json, "templating": {**templating, "list": [*variables, variable]}}


def marked(json: Mapping[str, Any]) -> tuple[str, int]:
    """Return digest and version that a dashboard says of itself; empty and 0 where it says nothing."""
    for variable in (json.get("templating") or {}).get("list", ()):
        if variable.get("name") == VARIABLE:
            digest, _, version = str(variable.get("query", "")).partition("/")
            return digest, int(version) if version.isdecimal() else 0
    return "", 0


def is_ours(json: Mapping[str, Any]) -> bool:
    """Whether a dashboard is barrio's."""
    return TAG in (json.get("tags") or ())


def content_digest(json: Mapping[str, Any]) -> str:
    """Return the digest of what a dashboard shows."""
    return digest_of(plain(json))


def plain(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dashboard without what Grafana writes into it by itself, panels and variables in one order."""
    kept = {key: value for key, value in json.items() if key not in _THEIRS}
    kept["templating"] = [
        each for each in (json.get("templating") or {}).get("list", ()) if each.get("name") != VARIABLE
    ]
    kept["annotations"] = [
        each for each in (json.get("annotations") or {}).get("list", ()) if not each.get("builtIn")
    ]
    kept["panels"] = sorted(
        (_panel(each) for each in json.get("panels") or ()), key=lambda each: int(each.get("id") or 0)
    )
    found: dict[str, Any] = _said(kept)
    return found


def _panel(panel: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in panel.items() if key not in _THEIRS_IN_PANELS}
    if "panels" in panel:
        kept["panels"] = [_panel(each) for each in panel["panels"] or ()]
    return kept


def _said(value: Any) -> Any:
    """Return JSON without what says nothing: null, false, and what is empty."""
    if isinstance(value, dict):
        kept = {key: _said(each) for key, each in value.items()}
        return {
            key: each
            for key, each in kept.items()
            if not _says_nothing(each) and not (key in _ZERO and each == 0)
        }
    if isinstance(value, list):
        return [_said(each) for each in value]
    return value


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return where two JSON objects differ, field by field."""
    return tuple(_differences("", found, wanted))


def page_differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return where two dashboards differ, panels and variables by their names."""
    return tuple(_differences("", _by_name(plain(found)), _by_name(plain(wanted))))


def _by_name(json: dict[str, Any]) -> dict[str, Any]:
    panels = {
        f"{each.get('title', 'panel')} ({each.get('id', '?')})": each for each in json.pop("panels", ())
    }
    variables = {str(each.get("name")): each for each in json.pop("templating", ())}
    return {**json, "panels": panels, "variables": variables}


def _differences(path: str, found: Any, wanted: Any) -> Iterator[Difference]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            yield from _differences(f"{path}.{key}" if path else key, found.get(key), wanted.get(key))
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for position, (before, after) in enumerate(zip(found, wanted, strict=True)):
            yield from _differences(f"{path}[{position}]", before, after)
    elif found != wanted and _REDACTED not in (found, wanted):
        yield Difference(path, shown(found), shown(wanted))


def shown(value: Any) -> str:
    """Return a value as it stands in a plan: short, and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        kind = "fields" if isinstance(value, dict) else "items"
        return f"{len(value)} {kind}"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
