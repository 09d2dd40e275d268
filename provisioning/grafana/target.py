"""A Grafana kept in the state that the code says: the parts, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dashboards.alerts import rule_groups
from provisioning.grafana import alerting, folders, pages, people, sources
from provisioning.grafana.api import Api
from provisioning.grafana.client import Client, Login
from provisioning.grafana.work import NAME, Work, look
from provisioning.plan import Action, ProvisioningError, Step
from provisioning.tokens import Tokens
from twin.model.district import District

if TYPE_CHECKING:
    from dashboards.generate import Dashboard, Options

OLDEST = 11
"""Oldest Grafana that has nested folders without asking, and receivers named by rules."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a Grafana is, how to log in, and by which URL it reaches the InfluxDB."""

    url: str
    login: Login
    store_url: str
    timeout_s: float = 20.0


@dataclass(slots=True)
class Grafana:
    """See `provisioning.plan.Target`. `generate` gives the dashboards, `options` their language.

    `secrets` gives a secret that `provisioning.yaml` names. `message` stands in the versions of dashboards.
    """

    access: Access
    districts: Sequence[District]
    tokens: Tokens
    options: Options
    generate: Callable[[Sequence[District], Options], tuple[Dashboard, ...]]
    secrets: Callable[[str], str]
    message: str = "barrio"
    name: str = field(default=NAME, init=False)
    _client: Client | None = field(default=None, init=False, repr=False)

    def plan(self) -> list[Step]:
        """Return what is not as it should be; deletions stand last."""
        work = self._work(self.generate(self.districts, self.options))
        return [
            *folders.plan(work),
            *people.plan_teams(work),
            *people.plan_permissions(work),
            *sources.plan(work),
            *pages.plan(work),
            *people.plan_homes(work),
            *alerting.plan_points(work),
            *alerting.plan_rules(work),
            *alerting.plan_deletes(work),
            *pages.plan_deletes(work),
        ]

    def destroy(self, *, keep_data: bool) -> list[Step]:  # noqa: ARG002 - a Grafana holds none
        """Return what removes everything of the districts that barrio made."""
        work = self._work(())
        rules, dashboards = list(alerting.destroy(work)), list(pages.destroy(work))
        gone = {uid for uid, step in (*rules, *dashboards) if step.action is Action.DELETE}
        return [
            *(step for _, step in rules),
            *people.destroy(work),
            *(step for _, step in dashboards),
            *sources.destroy(work),
            *folders.destroy(work, gone),
        ]

    def close(self) -> None:
        """Release the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _work(self, dashboards: tuple[Dashboard, ...]) -> Work:
        if self._client is None:
            self._client = Client(self.access.url, self.access.login, self.access.timeout_s)
        api = Api(self._client)
        _check(api.version())
        return Work(
            api=api,
            districts=self.districts,
            pages=dashboards,
            groups=rule_groups(self.districts, self.options, dashboards),
            tokens=self.tokens,
            store_url=self.access.store_url,
            secrets=self.secrets,
            message=self.message,
            found=look(api, self.districts, (page.uid for page in dashboards)),
        )


def _check(version: str) -> None:
    """Refuse a Grafana that is too old; one that hides its version is taken as new enough."""
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST:
        words = f"this is Grafana {version}; folders in folders and receivers of rules need {OLDEST} or newer"
        raise ProvisioningError("GET /api/health", words)
