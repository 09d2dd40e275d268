"""Data sources: one for each district and resolution, each with a read token of its own.

A token is handed over, not kept: Grafana never gives a secret back. `jsonData.barrio` says which one it was by a
digest, so that a token that was made anew is noticed. A token that a step before this one makes is read when it is
handed over.

Grafana lets nobody say over its API that a data source is read-only (`AddDataSourceCommand`, `readOnly` is not taken),
so its page can be edited; that is found, and put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dashboards.kit.names import TAG, source_uid
from provisioning.grafana.folders import title_of
from provisioning.grafana.marks import differences, of_secret
from provisioning.grafana.people import wanted_permissions
from provisioning.grafana.work import keep, spec_of, step
from provisioning.plan import Action, Difference, ProvisioningError, digest_of
from provisioning.tokens import read_name
from twin.resolution import Resolution
from twin.store.influx_http import login_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioning.grafana.api import Api, Json
    from provisioning.grafana.work import Work
    from provisioning.plan import Step
    from provisioning.tokens import Tokens
    from twin.model.district import District

KIND = "data source"
INTERVAL = "10s"
"""Shortest interval of a bucket, the same for all resolutions: it decides which of them answers a panel."""
LEAST_SERIES = 5_000
_ANY_USER = "barrio"
_FIELDS = ("name", "type", "access", "url", "database", "basicAuth", "isDefault")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One data source; `fields` is all that Grafana gives back, without the mark and the login."""

    uid: str
    name: str
    token_name: str
    fields: Json
    record: Json


def wanted_sources(district: District, store_url: str) -> list[Wanted]:
    """Return the data sources of a district, the raw readings first."""
    points = sum(1 for _ in district.points())
    return [_wanted(district, one, store_url, max(LEAST_SERIES, 2 * points)) for one in Resolution]


def _wanted(district: District, resolution: Resolution, store_url: str, series: int) -> Wanted:
    database = resolution.database(district.id)
    name = source_name(district.id, resolution)
    fields = {
        "name": name,
        "type": "influxdb",
        "access": "proxy",
        "url": store_url,
        # Grafana before 9.5 reads this one, later ones `dbName`.
        "database": database,
        "basicAuth": True,
        "jsonData": {
            "dbName": database,
            "httpMode": "POST",
            "maxSeries": series,
            "timeInterval": INTERVAL,
            "version": "InfluxQL",
        },
    }
    record: Json = {"district": district.id}
    if resolution is Resolution.RAW:
        record |= {
            "folder": title_of(district),
            "teams": wanted_permissions(district),
            "home": spec_of(district).home,
        }
    return Wanted(
        source_uid(district.id, resolution), name, read_name(district.id, resolution), fields, record
    )


def source_name(district: str, resolution: Resolution) -> str:
    """Return the name by which people know a data source."""
    return f"{TAG} {district}" if resolution is Resolution.RAW else f"{TAG} {district} {resolution.value}"


def login(token: str) -> tuple[str, str]:
    """Return user and password of a token's file: `user:password` of a 1.x, else any user with the token."""
    return login_of(token) or (_ANY_USER, token)


def plan(work: Work) -> Iterator[Step]:
    """Yield the data sources that are to be made or put back."""
    for district in work.districts:
        for wanted in wanted_sources(district, work.store_url):
            yield from _plan_one(work, wanted)


def _plan_one(work: Work, wanted: Wanted) -> Iterator[Step]:
    found = work.found.sources.get(wanted.uid)
    put = partial(_put, work.api, work.tokens, wanted)
    token = work.tokens.read(wanted.token_name)
    changing = work.tokens.changing(wanted.token_name)
    if found is None:
        other = work.found.source_names.get(wanted.name)
        if other is not None:
            yield keep(KIND, wanted.name, f"another data source has this name, {other}")
        else:
            words = "with the token that is made before" if changing or token is None else ""
            yield step(KIND, wanted.name, Action.CREATE, partial(put, None), words=words)
        return
    mark = _mark(found)
    if mark is None:
        yield keep(KIND, wanted.name, f"there is one with the uid {wanted.uid} that barrio did not make")
    elif found.get("readOnly"):
        yield keep(KIND, wanted.name, "it comes from a file on Grafana's own disk")
    else:
        yield from _compare(found, mark, wanted, put, None if changing else token, changing=changing)


def _compare(
    found: Json, mark: Json, wanted: Wanted, put: partial[None], token: str | None, *, changing: bool
) -> Iterator[Step]:
    now, then = _fields(found), {**wanted.fields, "isDefault": bool(found.get("isDefault"))}
    changed = [*differences(now, then)]
    by_hand = mark.get("digest") != digest_of(now)
    if not (found.get("secureJsonFields") or {}).get("basicAuthPassword"):
        changed.append(Difference("token", "taken away", "the one of barrio"))
        by_hand = True
    elif changing or (token is not None and mark.get("secret") != of_secret(token, wanted.uid)):
        changed.append(Difference("token", "an older one", "a new one"))
    if token is not None and found.get("basicAuthUser") != login(token)[0]:
        changed.append(Difference("user", str(found.get("basicAuthUser") or "none"), login(token)[0]))
        by_hand |= mark.get("secret") == of_secret(token, wanted.uid)
    record = {key: value for key, value in mark.items() if key not in ("digest", "secret")}
    changed += [
        Difference(f"record.{one.field}", one.before, one.after) for one in differences(record, wanted.record)
    ]
    if changed:
        do = partial(put, found)
        yield step(KIND, wanted.name, Action.CHANGE, do, changed=tuple(changed), by_hand=by_hand)


def destroy(work: Work) -> Iterator[Step]:
    """Yield what removes the data sources of the districts."""
    for district in work.districts:
        for wanted in wanted_sources(district, work.store_url):
            found = work.found.sources.get(wanted.uid)
            if found is None:
                continue
            if _mark(found) is None or found.get("readOnly"):
                yield keep(KIND, wanted.name, "barrio did not make it over this way")
            else:
                yield step(KIND, wanted.name, Action.DELETE, partial(work.api.delete_source, wanted.uid))


def _mark(found: Mapping[str, Any]) -> Json | None:
    mark = (found.get("jsonData") or {}).get("barrio")
    return mark if isinstance(mark, dict) else None


def _fields(found: Mapping[str, Any]) -> Json:
    json = {key: value for key, value in (found.get("jsonData") or {}).items() if key != "barrio"}
    return {**{key: found.get(key) for key in _FIELDS}, "jsonData": json}


def _put(api: Api, tokens: Tokens, wanted: Wanted, found: Json | None) -> None:
    """Make or change it, with the token as it is by now."""
    token = tokens.read(wanted.token_name)
    if token is None:
        call = f"PUT /api/datasources/uid/{wanted.uid}" if found else "POST /api/datasources"
        words = (
            f"not done: there is no token {wanted.token_name} in {tokens.folder}; InfluxDB's part makes it"
        )
        raise ProvisioningError(call, words)
    user, password = login(token)
    fields = {**wanted.fields, "isDefault": bool((found or {}).get("isDefault"))}
    mark = {
        **wanted.record,
        "digest": digest_of(_fields(fields)),
        "secret": of_secret(token, wanted.uid),
    }
    body = {
        **fields,
        "uid": wanted.uid,
        "basicAuthUser": user,
        "jsonData": {**fields["jsonData"], "barrio": mark},
        "secureJsonData": {"basicAuthPassword": password},
    }
    if found is None:
        api.create_source(body)
    else:
        # The version that was looked at: somebody who saved since then is not written over.
        api.put_source(wanted.uid, {**body, "version": found.get("version", 0)})
