"""What a person writes in `provisioning.yaml`: who looks at the district in Grafana, and who may read its databases.

The file is about what `barrio apply` makes. Nothing in it changes how the district runs, and its secrets are asked for
only where Grafana is provisioned.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from twin.model.selection import one_or_many
from twin.model.spec import Id, Name, Named, Seconds, SecretName, Spec
from twin.notify_spec import Address, Reason, Webhook, is_loopback, split_url
from twin.resolution import ROLLUPS, Resolution

if TYPE_CHECKING:
    from collections.abc import Iterator

_YEAR_S = 365 * 86_400.0
_TILES = re.compile(r"https?://[^\s/?#@]+/\S*", re.ASCII)


def _check_team(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("a team is named in one line, without blanks around it")
    return value


def _check_basemap(value: str) -> str:
    if value in {"none", "osm"}:
        return value
    if _TILES.fullmatch(value) is None or not all(part in value for part in ("{z}", "{x}", "{y}")):
        raise ValueError(
            "a basemap is none, osm, or the URL of a tile server: https://tiles.example.com/{z}/{x}/{y}.png"
        )
    return value


# The longest name that Grafana takes for a team.
TeamName = Annotated[str, Field(min_length=1, max_length=190), AfterValidator(_check_team)]
Basemap = Annotated[str, Field(max_length=1000), AfterValidator(_check_basemap)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(one_or_many), Field(max_length=50)]
Resolutions = Annotated[tuple[Resolution, ...], BeforeValidator(one_or_many), Field(min_length=1)]
Patience = Annotated[Seconds, Field(ge=60, le=_YEAR_S)]


class TeamSpec(Spec):
    """A team of Grafana and what it may do in the district's folder. Its members are Grafana's business."""

    name: TeamName = Field(description="Name of the team, not used by another one of the file")
    permission: Literal["view", "edit", "admin"] = Field(
        default="view", description="What its members may do in the district's folder"
    )


class ReceiverSpec(Spec):
    """Who is told of Grafana's own alerts: exactly one of email and webhook."""

    id: Id = Field(description="Id, not used by another receiver of the file")
    email: Addresses = Field(
        default=(), description="Addresses that get a mail; Grafana has to have a mail server"
    )
    webhook: Webhook | None = Field(
        default=None, description="URL that alerts are posted to; `${secret:NAME}` where the URL is a secret"
    )
    secret: SecretName | None = Field(
        default=None, description="Webhooks: `${secret:NAME}` of the credentials that Grafana sends along"
    )
    insecure: Reason | None = Field(
        default=None,
        description="Why what is sent may be read on its way; without it nothing goes unencrypted",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.email) == (self.webhook is not None):
            found = "email and webhook" if self.email else "none"
            raise ValueError(f"a receiver has exactly one of email and webhook, found {found}")
        if self.secret is not None and self.webhook is None:
            raise ValueError("secret goes along with a webhook, and there is none")
        return self

    @model_validator(mode="after")
    def _not_in_the_open(self) -> Self:
        if self.webhook is None or isinstance(self.webhook, Named) or self.insecure is not None:
            return self
        parts = split_url(self.webhook)
        if parts.scheme == "http" and not is_loopback(host := parts.hostname or ""):
            words = f"what is sent to {host} could be read on its way: encrypt it, or give a reason with `insecure`"
            raise ValueError(words)
        return self

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield `(path, name)` of every secret that the receiver names."""
        if isinstance(self.webhook, Named):
            yield "webhook", str(self.webhook)
        if self.secret is not None:
            yield "secret", str(self.secret)


class AlertsSpec(Spec):
    """What Grafana says because barrio cannot: that barrio itself is silent."""

    receiver: Id | None = Field(
        default=None,
        description="Id of the receiver that is told; whoever Grafana's own notification tree names when left out",
    )
    silent_after: Patience = Field(
        default=300.0, description="Barrio said nothing of itself for this long: an alert; at least a minute"
    )
    no_growth_for: Patience = Field(
        default=900.0, description="No reading was stored for this long: an alert; at least a minute"
    )


class GrafanaSpec(Spec):
    """The district in Grafana."""

    home: bool = Field(
        default=False,
        description="Whether the district's home dashboard is the one that its teams begin with",
    )
    teams: tuple[TeamSpec, ...] = Field(
        default=(), description="Who may open the district's folder; Grafana's own roles when left out"
    )
    basemap: Basemap = Field(
        default="none",
        description="What lies under the maps: `none`, `osm`, or the URL of a tile server with {z}, {x} and {y}; "
        "whoever looks at a map asks that server",
    )
    receivers: tuple[ReceiverSpec, ...] = Field(default=(), description="Who is told of Grafana's own alerts")
    alerts: AlertsSpec = Field(default=AlertsSpec(), description="When it tells them")


class UtilitySpec(Spec):
    """Somebody outside who reads measurements of the district with a token of their own."""

    id: Id = Field(description="Id, not used by another one of the file; a part of the token's name")
    name: Name = Field(default="", description="Name for people; the id when left out")
    resolutions: Resolutions = Field(
        default=ROLLUPS, description="Databases that the token reads: any of raw, 15m, 1h and 1d"
    )


class ProvisioningSpec(Spec):
    """`provisioning.yaml`."""

    grafana: GrafanaSpec = Field(default=GrafanaSpec(), description="The district in Grafana")
    utilities: tuple[UtilitySpec, ...] = Field(
        default=(), description="Who reads its databases from outside, each with a token"
    )

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield `(path, name)` of every secret that the file names; only provisioning Grafana asks for them."""
        for position, receiver in enumerate(self.grafana.receivers):
            for path, name in receiver.secrets():
                yield f"grafana.receivers[{position}].{path}", name
