"""What a profile and a device say about OPC UA: the descriptions are the reference."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from twin.model.spec import Seconds, SecretName, Spec

WRITTEN = "{value}"
_DEADBAND = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(%?)")
_WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Band:
    """A dead band: `size` in raw units, or in percent of the node's EURange."""

    size: float
    percent: bool = False


def parse_deadband(value: object) -> object:
    """Return the dead band that `0.5` or `2%` names; ValueError otherwise."""
    match = None if isinstance(value, bool) else _DEADBAND.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(
            "a deadband is a number in raw units, such as 0.5, or a share of the range, such as 2%"
        )
    size, percent = float(match[1]), bool(match[2])
    if not math.isfinite(size) or not size > 0 or (percent and size > _WHOLE):
        raise ValueError("a deadband is more than 0, and at most 100%")
    return Band(size, percent)


Deadband = Annotated[Band, BeforeValidator(parse_deadband)]
Argument = bool | int | float | str


class OpcUaPoint(Spec):
    """Where a point lives: keys of a profile's point beside those that every protocol shares."""

    node: str = Field(
        default="",
        description="Node id, for example `nsu=urn:vendor:bms;s={prefix}.SupplyTemperature`; "
        "`{device}` and `{prefix}` stand for the device's id and the option `prefix`",
    )
    sampling: Seconds | None = Field(
        default=None, description="How often the server samples the node; the device's when left out"
    )
    index: int | None = Field(
        default=None, ge=0, description="Element of the array that the node holds, from 0"
    )
    path: str = Field(
        default="",
        description="Browse path from the root instead of a node id, `/Objects/Boiler/Temperature`; names belong to "
        "the option `namespace`, others are written `nsu=URI;Name` or `0:Name`",
    )
    field: str = Field(
        default="",
        description="Field of the structure that the node holds, inner ones after a dot: `Status.Flow`",
    )
    deadband: Deadband | None = Field(
        default=None,
        description="Smallest change that the server reports: `0.5` in raw units, or `2%` of the node's EURange",
    )
    method: str = Field(
        default="", description="Node id of a method instead of a node: writing the point calls it"
    )
    object: str = Field(default="", description="Node id of the object that `method` is called on")
    arguments: tuple[Argument, ...] = Field(
        default=(WRITTEN,),
        max_length=20,
        description="Input arguments of `method` in order; `{value}` stands for what is written",
    )

    @property
    def readable(self) -> bool:
        """Whether there is a value to read; a method has none."""
        return not self.method

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        given = [name for name in ("node", "path", "method") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                f"a point lives at one node, path or method, found {' and '.join(given) or 'none'}"
            )
        if bool(self.method) != bool(self.object):
            raise ValueError("method and object go together: the method is called on the object")
        if self.method and (self.field or self.index is not None or self.deadband is not None):
            raise ValueError("a method has no field, index or deadband")
        return self


class OpcUaOptions(Spec):
    """`options` of profiles and devices."""

    namespace: str = Field(default="", description="Namespace URI of nodes that name none")
    prefix: str | None = Field(
        default=None, description="Stands for `{prefix}` in nodes; the device's id when left out"
    )
    publishing: Seconds = Field(
        default=1.0, description="Publishing interval: how long the server gathers changes"
    )
    sampling: Seconds | None = Field(
        default=None, description="How often the server samples; the poll period when left out"
    )
    queue_size: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="Samples that the server keeps for a node between two publishings",
    )
    timeout: Seconds = Field(default=4.0, description="Longest wait for the answer to a request")
    keep_alive: Seconds = Field(
        default=4.0,
        description="A server without news says so this often; silence of three times as long ends the session",
    )
    recheck: Seconds = Field(
        default=60.0, description="Nodes that the server refused are asked for again this often"
    )
    chunk: int = Field(
        default=500, ge=1, le=100_000, description="Most nodes in one request, if the server allows as many"
    )
    mode: Literal["auto", "subscribe", "poll"] = Field(
        default="auto",
        description="`poll` reads instead of subscribing; `auto` does so only where the server cannot subscribe",
    )
    history: Literal["auto", "off"] = Field(
        default="auto", description="`auto` reads what was missed from the server's history, where it has one"
    )
    history_window: Seconds = Field(default=7 * 86_400.0, description="How far back history is read at most")
    events: bool | tuple[str, ...] = Field(
        default=False,
        description="Events and alarms of the server; `true` for all, or node ids of the objects that report them",
    )
    security: Literal["SignAndEncrypt", "Sign"] = Field(
        default="SignAndEncrypt", description="Whether messages are encrypted, or only signed"
    )
    policy: Literal["Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep"] | None = Field(
        default=None,
        description="Security policy; the strongest of these three that the server offers when left out",
    )
    user: str = Field(default="", max_length=200, description="Name to log in with; anonymous when left out")
    password: SecretName | None = Field(default=None, description="Password of `user`: `${secret:NAME}`")
    user_certificate: str = Field(
        default="",
        max_length=1000,
        description="Certificate to log in with instead of a name: a file in the connector's folder, or a full path",
    )
    user_key: str = Field(default="", max_length=1000, description="Key of `user_certificate`, likewise")
    certificate_host: str = Field(
        default="",
        max_length=253,
        description="Host that the server's certificate names, if it is not the endpoint's",
    )
    insecure: str = Field(
        default="",
        max_length=200,
        description="Why this server is read without encryption; without a reason it is not",
    )
