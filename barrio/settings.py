"""Options of a process: environment variables `BARRIO_…`, which the command line overrides.

Districts are not settings: they are folders of files, see `twin.model.loader`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from twin.errors import StartError
from twin.model.spec import Seconds

_MAX_PORT = 65_535
# Never repeated to whoever got them wrong.
_HIDDEN = ("store_token", "admin_token", "grafana_token", "grafana_password")


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to bind."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`."""
        return f"{self.host}:{self.port}"


def parse_listen(text: str) -> Listen:
    """Return the address that `HOST:PORT` names; port 0 takes a free one. ValueError otherwise."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > _MAX_PORT:
        message = f"{text!r} is not HOST:PORT, such as 127.0.0.1:8080"
        raise ValueError(message)
    return Listen(host.strip("[]") or "127.0.0.1", int(port))


def is_url(text: str) -> bool:
    """Return whether a setting names a server; a store that is none is embedded."""
    return text.startswith(("http://", "https://"))


class Settings(BaseSettings):
    """What the operator decides about this process."""

    model_config = SettingsConfigDict(
        env_prefix="BARRIO_", frozen=True, extra="ignore", secrets_dir=None, env_ignore_empty=True
    )

    data: Path = Field(default=Path("data"), description="Data folder: spool, ledger, embedded store")
    listen: str = Field(
        default="127.0.0.1:8080", description="HOST:PORT of the HTTP surface; port 0 takes a free one"
    )
    hosts: str = Field(
        default="",
        description="Names by which browsers reach it, with commas; localhost and addresses always do",
    )
    proxies: str = Field(
        default="127.0.0.1",
        description="Addresses of reverse proxies, with commas: what they say of who asks is believed",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9._\[\]:/-]+)?$",
        description="URL by which others reach the HTTP surface, where a proxy stands before it",
    )
    hook_networks: str = Field(
        default="",
        description="Networks (CIDR), with commas, that are not public and that webhooks of tokens may lead to",
    )
    store: str = Field(default="duckdb", description="duckdb, or the URL of an InfluxDB: http://HOST:8086")
    store_org: str = Field(default="barrio", description="InfluxDB 2.x: the organisation")
    store_user: str = Field(default="barrio", description="InfluxDB 1.x: the user; any text on 2.x")
    store_token: SecretStr | None = Field(
        default=None, description="InfluxDB: token (2.x, 3.x) or password (1.x)"
    )
    store_token_file: Path | None = Field(default=None, description="A file that holds the token instead")
    tokens: Path | None = Field(
        default=None,
        description="Folder of the tokens that barrio apply makes; each district is stored with its own",
    )
    admin_user: str = Field(default="", description="InfluxDB 1.x: the user who administers it")
    admin_token: SecretStr | None = Field(
        default=None,
        description="InfluxDB: token with the rights to administer it (2.x, 3.x), password of that user (1.x)",
    )
    admin_token_file: Path | None = Field(default=None, description="A file that holds it instead")
    grafana: str = Field(default="", description="URL of a Grafana: http://HOST:3000")
    grafana_token: SecretStr | None = Field(default=None, description="Token of a service account there")
    grafana_token_file: Path | None = Field(default=None, description="A file that holds it instead")
    grafana_user: str = Field(default="", description="Or a user there")
    grafana_password: SecretStr | None = Field(default=None, description="With this password")
    grafana_password_file: Path | None = Field(default=None, description="A file that holds it instead")
    grafana_store: str = Field(
        default="",
        description="URL by which Grafana reaches the InfluxDB, where it is not that of BARRIO_STORE",
    )
    secrets: Path | None = Field(
        default=None,
        description="Folder of files with the secrets of districts, each named as in ${secret:NAME}",
    )
    store_timeout: Seconds = Field(default=10.0, description="Longest wait for an answer of the store")
    spool_bytes: Annotated[int, Field(ge=1_000_000)] = Field(
        default=2_000_000_000, description="Size at which the spool is full"
    )
    export_bytes: Annotated[int, Field(ge=1_000_000)] = Field(
        default=20_000_000_000, description="Size at which no more exports are made"
    )
    export_keep: Seconds = Field(default=172_800.0, description="How long the file of an export is kept")
    base_port: Annotated[int, Field(ge=1024, le=60_000)] = Field(
        default=21_000, description="First port of the simulator"
    )
    console: Literal["on", "off"] = Field(default="on", description="on or off: the pages for a browser at /")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="text or json")

    @field_validator("listen")
    @classmethod
    def _listen_is_an_address(cls, value: str) -> str:
        parse_listen(value)
        return value

    @field_validator("hook_networks")
    @classmethod
    def _networks_are_networks(cls, value: str) -> str:
        for one in value.split(","):
            if one.strip():
                ipaddress.ip_network(one.strip())
        return value

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names by which browsers reach it."""
        return tuple(one.strip() for one in self.hosts.split(",") if one.strip())

    @property
    def address(self) -> Listen:
        """The address to bind."""
        return parse_listen(self.listen)

    def token(self) -> str | None:
        """Return the store's token from the variable or the file; OSError when the file cannot be read."""
        return _secret(self.store_token, self.store_token_file)

    def admin_secret(self) -> str | None:
        """Return what administers the InfluxDB, likewise."""
        return _secret(self.admin_token, self.admin_token_file)

    def grafana_secret(self) -> str | None:
        """Return the token of the Grafana's service account, likewise."""
        return _secret(self.grafana_token, self.grafana_token_file)

    def grafana_password_secret(self) -> str | None:
        """Return the password of the Grafana's user, likewise."""
        return _secret(self.grafana_password, self.grafana_password_file)

    def is_loopback(self) -> bool:
        """Whether the HTTP surface is reachable from this machine only."""
        try:
            return ipaddress.ip_address(self.address.host).is_loopback
        except ValueError:
            return self.address.host == "localhost"


def _secret(value: SecretStr | None, file: Path | None) -> str | None:
    if value is not None:
        return value.get_secret_value().strip()
    return file.read_text("utf-8").strip() if file is not None else None


def load_settings(**given: Any) -> Settings:
    """Return the settings of this process; options of the command line that are not None go before the environment.

    StartError with one line for each that cannot be: by its option where it was given, else by its variable.
    """
    options = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**options)
    except ValidationError as error:
        raise StartError("\n".join(_words(detail, options) for detail in error.errors())) from None


def _words(detail: Any, options: dict[str, Any]) -> str:
    name = str(detail["loc"][0])
    shown = f"--{name.replace('_', '-')}" if name in options else f"BARRIO_{name.upper()}"
    words = (
        detail["ctx"]["error"]
        if detail["type"] == "value_error"
        else detail["msg"].removeprefix("Input ").lower()
    )
    found = repr(detail["input"])
    said = name.startswith(_HIDDEN) or found in str(words)
    return f"{shown}: {words}" if said else f"{shown}: {words}, found {found}"
