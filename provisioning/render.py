"""What a Grafana takes from files: dashboards, data sources and alert rules, for its disk and for Git.

The same districts give the same bytes. No secret is in them: a data source names the file of its token, which Grafana
reads by itself. `.barrio-render.json` lists what was written, so that the next render removes what is no longer wanted
and nothing else.

What Grafana makes of values (`pkg/services/provisioning/values`): in the files of data sources and of providers `$`
begins a variable and is written `$$`; queries of alert rules and settings of receivers are taken as they are. So a
receiver cannot name the file of its secret, and rules leave it to Grafana's notification policies who is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts import ROOT_TITLE, RuleGroup, as_file, rule_groups
from dashboards.generate import Dashboard, Options, generate
from dashboards.kit.names import ROOT_FOLDER, folder_uid
from provisioning.grafana.sources import wanted_sources
from provisioning.plan import ProvisioningError
from twin.model.district import District

MOUNT = "/etc/grafana/barrio"
"""Where the folder is in Grafana's eyes."""
TOKENS = "/etc/grafana/barrio-tokens"
"""Where the tokens folder is in Grafana's eyes."""

_LIST = ".barrio-render.json"
_UPDATE_S = 30
_ALERTS = {"en": f"{ROOT_TITLE} alerts", "es": f"Alertas de {ROOT_TITLE}"}
_ROOT = "barrio"


def render(districts: Sequence[District], options: Options, store_url: str, out: Path) -> list[str]:
    """Write the files to a folder; returns what became of each that is new, another or gone.

    `store_url` is where Grafana finds the InfluxDB. ProvisioningError when a file cannot be written.
    """
    wanted = files(districts, options, store_url)
    try:
        before = _listed(out)
        lines = [
            *_written(out, wanted),
            *_removed(out, {name: digest for name, digest in before.items() if name not in wanted}),
        ]
        listed = {name: _digest(text) for name, text in sorted(wanted.items())}
        (out / _LIST).write_text(json.dumps(listed, indent=1) + "\n", "utf-8")
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise ProvisioningError(f"write {error.filename or out}", words) from error
    return lines


def files(districts: Sequence[District], options: Options, store_url: str) -> dict[str, str]:
    """Return the text of each file by its path in the folder."""
    pages = generate(districts, options)
    found = {_place(page): _json(page.json) for page in pages}
    found["provisioning/dashboards/barrio.yaml"] = _yaml(_providers(districts, pages))
    groups = rule_groups(districts, options, pages)
    for district, group in zip(districts, groups, strict=True):
        name = f"barrio-{district.id}.yaml"
        found[f"provisioning/datasources/{name}"] = _yaml(_sources(district, store_url))
        found[f"provisioning/alerting/{name}"] = _yaml(_rules(group, options))
    found["README.md"] = _readme(districts)
    return found


def _place(page: Dashboard) -> str:
    return f"dashboards/{page.district or _ROOT}/{page.name}.json"


def _providers(districts: Sequence[District], pages: Sequence[Dashboard]) -> dict[str, Any]:
    folders = [(one.id, one.name, folder_uid(one.id)) for one in districts]
    if any(page.district is None for page in pages):
        folders.insert(0, (_ROOT, ROOT_TITLE, ROOT_FOLDER))
    providers = [
        {
            "name": f"barrio-{name}" if name != _ROOT else name,
            "orgId": 1,
            "folder": _plain(title),
            "folderUid": uid,
            "type": "file",
            "disableDeletion": False,
            "allowUiUpdates": False,
            "updateIntervalSeconds": _UPDATE_S,
            "options": {"path": f"{MOUNT}/dashboards/{name}"},
        }
        for name, title, uid in folders
    ]
    return {"apiVersion": 1, "providers": providers}


def _sources(district: District, store_url: str) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": one.name,
                "uid": one.uid,
                "orgId": 1,
                **_without_login(one.fields),
                "url": _plain(store_url),
                "editable": False,
                "jsonData": {**one.fields["jsonData"], "httpHeaderName1": "Authorization"},
                # The one form that a file of any version fits: `Token TOKEN`, from 1.8 on `Token user:password`.
                "secureJsonData": {"httpHeaderValue1": f"Token $__file{{{TOKENS}/{one.token_name}}}"},
            }
            for one in wanted_sources(district, store_url)
        ],
    }


def _without_login(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in ("name", "basicAuth", "jsonData")}


def _rules(group: RuleGroup, options: Options) -> dict[str, Any]:
    """Return rules in a folder of their own: Grafana makes it by its title, before those of dashboards by uid."""
    rules = tuple(
        replace(rule, json=_to_nobody(rule.json) | {"title": _plain(rule.title)}) for rule in group.rules
    )
    own = replace(
        group, folder_path=_ALERTS[options.lang], name=f"{group.name} {group.district}", rules=rules
    )
    return as_file([own])


def _to_nobody(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key != "notification_settings"}


def _plain(text: str) -> str:
    return text.replace("$", "$$")


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _yaml(document: Mapping[str, Any]) -> str:
    head = "# Written by barrio render: what is changed here is lost with the next one.\n"
    return head + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
    )


class _Dumper(yaml.SafeDumper):
    """Writes out what occurs twice, instead of an anchor."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- the library's
        """No aliases."""
        return True


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _listed(out: Path) -> dict[str, str]:
    """Return what the last render wrote, by its digest; paths that lead out of the folder are nobody's of ours."""
    try:
        found = json.loads((out / _LIST).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    root = out.resolve()
    return {
        str(name): str(digest)
        for name, digest in found.items()
        if (root / str(name)).resolve().is_relative_to(root)
    }


def _written(out: Path, wanted: Mapping[str, str]) -> Iterator[str]:
    for name, text in sorted(wanted.items()):
        path = out / name
        data = text.encode()
        there = path.exists()
        if there and path.read_bytes() == data:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        yield f"{'changed' if there else 'new'} {name}"


def _removed(out: Path, stale: Mapping[str, str]) -> Iterator[str]:
    for name, digest in sorted(stale.items()):
        path = out / name
        if not path.is_file():
            continue
        if sha256(path.read_bytes()).hexdigest() != digest:
            yield f"left {name}: no longer wanted, and changed since it was written"
            continue
        path.unlink()
        if path.parent != out and not any(path.parent.iterdir()):
            path.parent.rmdir()
        yield f"removed {name}"


def _readme(districts: Sequence[District]) -> str:
    names = ", ".join(one.name for one in districts)
    return f"""# Dashboards, data sources and alert rules of {names}

Written by `barrio render`. What is changed here is lost with the next one: change the districts instead.

Grafana 11 and later take these files at their start:

- mount this folder at `{MOUNT}`, read-only
- mount the tokens folder (`BARRIO_TOKENS`, which `barrio apply --only influxdb` fills) at `{TOKENS}`,
  read-only; Grafana's user has to be able to read the files `*.read` in it, and nobody else
- set `GF_PATHS_PROVISIONING={MOUNT}/provisioning`, or put the files of `provisioning/` where Grafana already looks

```
docker run -p 3000:3000 -e GF_PATHS_PROVISIONING={MOUNT}/provisioning \\
  -v "$PWD:{MOUNT}:ro" -v /srv/barrio/tokens:{TOKENS}:ro grafana/grafana
```

Dashboards that change here are taken within {_UPDATE_S} s, data sources, rules and tokens at Grafana's next start.

What files cannot do, and `barrio apply` does: folders of districts within one of barrio, teams and what they may see,
home dashboards, and receivers of alerts (Grafana reads no secret of a receiver from a file: who is told is up to its
notification policies). InfluxDB before 1.8 does not take tokens in this form; there, too, use `barrio apply`.
"""
