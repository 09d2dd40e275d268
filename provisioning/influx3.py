"""InfluxDB 3 Core: a database for each district and resolution, as far as it has room.

What it cannot do is said in every plan. It holds five databases, so one district fits. How long a database keeps
readings is said when it is made, is not shown, and cannot be changed. Its tokens are those of administrators: what
barrio and Grafana use is a copy of the one that they were given, and a utility gets none.

Published interface: `/api/v3/configure/database`, GET with `format=json`, POST with `db` and `retention_period`,
DELETE with `db`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx

from provisioning.influx import NAME, Admin
from provisioning.plan import Action, Difference, ProvisioningError, Step, sendable
from provisioning.tokens import Tokens
from provisioning.wanted import WantedToken, duration, wanted_databases, wanted_tokens
from twin.model.district import District
from twin.outgoing import terms

MOST_DATABASES = 5
_PATH = "/api/v3/configure/database"
_COLUMN = "iox::database"
_NOTE = (
    f"3 Core holds {MOST_DATABASES} databases, cannot change how long one keeps readings, and has admin tokens only: "
    "whoever has a token of barrio or Grafana may do everything with this server"
)


class Influx3:
    """The side of 3 Core; see `provisioning.plan.Target`."""

    def __init__(self, admin: Admin, districts: Sequence[District], tokens: Tokens) -> None:
        self._url = admin.url.rstrip("/")
        self._token = admin.token
        self._districts = districts
        self._tokens = tokens
        token = sendable("BARRIO_ADMIN_TOKEN", admin.token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=self._url, timeout=admin.timeout_s, headers=headers, **terms())

    def plan(self) -> list[Step]:
        """Return what is missing, and what there is no room for."""
        there = self._databases()
        room = MOST_DATABASES - sum(not name.startswith("_") for name in there)
        steps = [Step(NAME, "server", self._url, Action.KEEP, words=_NOTE)]
        for one in wanted_databases(self._districts):
            if one.name in there:
                continue
            kept = Difference("retention", "", duration(one.retention_s))
            if room <= 0:
                words = f"there is no room: 3 Core holds {MOST_DATABASES} databases"
                steps.append(Step(NAME, "database", one.name, Action.KEEP, (kept,), words=words))
                continue
            room -= 1
            do = partial(self._create, one.name, one.retention_s)
            steps.append(Step(NAME, "database", one.name, Action.CREATE, (kept,), do=do))
        return steps + [step for one in wanted_tokens(self._districts) for step in self._copy(one)]

    def destroy(self, *, keep_data: bool) -> list[Step]:
        """Return what is to be removed: copies of the token, and databases unless their readings are kept."""
        steps = [
            Step(NAME, "token", one.name, Action.DELETE, do=partial(self._tokens.remove, one.name))
            for one in wanted_tokens(self._districts)
            if self._tokens.read(one.name) is not None
        ]
        there = self._databases()
        for one in wanted_databases(self._districts):
            if one.name not in there:
                continue
            if keep_data:
                steps.append(Step(NAME, "database", one.name, Action.KEEP, words="its readings are kept"))
                continue
            do = partial(self._drop, one.name)
            words = "with all its readings; 3 Core has no marks, it is ours by its name"
            steps.append(Step(NAME, "database", one.name, Action.DELETE, words=words, do=do))
        return steps

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _copy(self, wanted: WantedToken) -> list[Step]:
        if wanted.role.startswith("utility-"):
            words = "3 Core cannot make a token that reads some databases only: the utility gets none"
            return [Step(NAME, "token", wanted.name, Action.KEEP, words=words)]
        kept = self._tokens.read(wanted.name)
        if kept == self._token or not self._token:
            return []
        self._tokens.expect(wanted.name)
        action = Action.CREATE if kept is None else Action.CHANGE
        words = "a copy of the admin token: 3 Core has no other"
        do = partial(self._tokens.write, wanted.name, self._token)
        return [Step(NAME, "token", wanted.name, action, words=words, do=do)]

    def _databases(self) -> set[str]:
        call = f"GET {_PATH}"
        answer = self._ask(call, "GET", params={"format": "json"})
        try:
            return {str(one[_COLUMN]) for one in answer.json()}
        except (ValueError, KeyError, TypeError) as error:
            words = f"the answer was not understood: {answer.text[:100]!r}"
            raise ProvisioningError(call, words) from error

    def _create(self, name: str, retention_s: int) -> None:
        wanted = {"db": name} | ({"retention_period": f"{retention_s}s"} if retention_s else {})
        self._ask(f"POST {_PATH} ({name})", "POST", json=wanted)

    def _drop(self, name: str) -> None:
        self._ask(f"DELETE {_PATH} ({name})", "DELETE", params={"db": name})

    def _ask(self, call: str, method: str, **more: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, _PATH, **more)
        except httpx.TimeoutException as error:
            raise ProvisioningError(call, f"{self._url}: no answer in time") from error
        except httpx.HTTPError as error:
            words = f"{self._url}: cannot be reached: {str(error) or type(error).__name__}"
            raise ProvisioningError(call, words) from error
        if answer.is_success:
            return answer
        right = "an admin token" if answer.status_code in (401, 403) else ""
        words = " ".join(answer.text.split())[:300] or answer.reason_phrase
        raise ProvisioningError(call, f"answered {answer.status_code}: {words}", right)
