"""An InfluxDB kept as districts need it, whichever version it is: told apart by what `/ping` names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from provisioning.plan import Action, ProvisioningError, Step
from twin.store.influx_http import Access, InfluxHTTP
from twin.store.port import NotAStore, StoreBusy, StoreDenied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioning.tokens import Tokens
    from twin.model.district import District

NAME = "influxdb"


@dataclass(frozen=True, slots=True)
class Admin:
    """Where an InfluxDB is, and who administers it.

    2.x and 3.x: a `token` and (2.x) the organisation `org`. 1.x: a `user` with the token as password. `adopt` says
    that databases of our names that are not marked as ours are taken over.
    """

    url: str
    token: str = field(default="", repr=False)
    user: str = ""
    org: str = ""
    timeout_s: float = 10.0
    adopt: bool = False


class Version(Protocol):
    """What a major version of InfluxDB can do of a plan; see `provisioning.plan.Target`."""

    def plan(self) -> list[Step]:
        """Return what is not as it should be."""

    def destroy(self, *, keep_data: bool) -> list[Step]:
        """Return what is to be removed."""

    def close(self) -> None:
        """Release the connections."""


class InfluxTarget:
    """The InfluxDB of districts. Nothing is asked before a plan is wanted."""

    def __init__(self, admin: Admin, districts: Sequence[District], tokens: Tokens) -> None:
        self.name = NAME
        self._admin = admin
        self._districts = districts
        self._tokens = tokens
        self._sides: list[Version] = []

    def plan(self) -> list[Step]:
        """Return what is not as it should be; see `provisioning.plan.Target`."""
        steps = self._version().plan()
        if words := self._tokens.exposed():
            steps.insert(0, Step(NAME, "tokens", str(self._tokens.folder), Action.KEEP, words=words))
        return steps

    def destroy(self, *, keep_data: bool) -> list[Step]:
        """Return what is to be removed; see `provisioning.plan.Target`."""
        return self._version().destroy(keep_data=keep_data)

    def close(self) -> None:
        """Release the connections; see `provisioning.plan.Target`."""
        while self._sides:
            self._sides.pop().close()

    def _version(self) -> Version:
        side = self._side()
        self._sides.append(side)
        return side

    def _side(self) -> Version:
        """Return the side of the version that answers; only its own libraries are imported."""
        version = ask_version(self._admin)
        major = version.lstrip("v").split(".", 1)[0]
        if major == "1":
            from provisioning.influx1 import Influx1

            return Influx1(self._admin, self._districts, self._tokens)
        if major == "2":
            from provisioning.influx2 import Influx2

            return Influx2(self._admin, self._districts, self._tokens)
        if major == "3":
            from provisioning.influx3 import Influx3

            return Influx3(self._admin, self._districts, self._tokens)
        words = f"{self._admin.url}: InfluxDB {version!r} is not known here: 1.x, 2.x and 3 Core are"
        raise ProvisioningError("GET /ping", words)


def ask_version(admin: Admin) -> str:
    """Return the version that a server names; ProvisioningError when it cannot be reached or is no InfluxDB."""
    try:
        http = InfluxHTTP(
            admin.url, Access(user=admin.user, password=admin.token, org=admin.org), admin.timeout_s, None
        )
    except NotAStore as error:
        raise ProvisioningError("BARRIO_STORE", str(error)) from error
    try:
        http.ping()
    except StoreDenied as error:
        raise ProvisioningError("GET /ping", str(error), "an admin token") from error
    except (StoreBusy, NotAStore) as error:
        raise ProvisioningError("GET /ping", str(error)) from error
    finally:
        http.close()
    return http.version
