"""What connectors have on this machine: a folder each, their notes, and the secrets that districts name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from barrio.notify.channels import channels_of, written
from connectors.home import Home
from twin.errors import ConfigError, Fault, StartError
from twin.model.loader import PROVISIONING_FILE
from twin.model.spec import Named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping, Sequence
    from pathlib import Path

    from twin.model.district import District


class Secrets:
    """Secrets by name: from the environment (`BARRIO_SECRET_BMS`), else from a file of that name in a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __call__(self, name: str) -> str:
        """Return a secret without the line end that editors add; StartError when it is not set, or empty."""
        variable = variable_of(name)
        found, where = os.environ.get(variable), variable
        if found is None:
            found, where = self._from_file(name, variable)
        if not found:
            raise StartError(f"secret {name!r} is empty: {where} holds nothing")
        return found

    def find(self, name: str) -> str:
        """Return a secret that need not be there; empty when it is not."""
        try:
            return self(name)
        except StartError:
            return ""

    def _from_file(self, name: str, variable: str) -> tuple[str, str]:
        """Return what the file of a secret holds, and its name."""
        if self._folder is None:
            raise StartError(
                f"secret {name!r} is not set: set {variable}, or name a folder with BARRIO_SECRETS"
            )
        file = self._folder / name
        try:
            return file.read_text("utf-8").rstrip("\r\n"), str(file)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text in UTF-8"
            raise StartError(f"secret {name!r}: {file}: {why}; or set {variable}") from None


def variable_of(name: str) -> str:
    """Return the environment variable of a secret."""
    return f"BARRIO_SECRET_{name.upper().replace('-', '_')}"


def check_secrets(districts: Sequence[District], secrets: Callable[[str], str]) -> None:
    """Read every secret that the districts name once; ConfigError with a line for each that is not there.

    Also when two channels could not be told apart: their secrets would be those of one of them.
    """
    channels_of(districts)
    _check(_written(districts), secrets)


def check_provisioning_secrets(districts: Sequence[District], secrets: Callable[[str], str]) -> None:
    """Read every secret that `provisioning.yaml` names, which only Grafana gets; ConfigError as above."""
    _check(_provisioned(districts), secrets)


def _check(written: Iterable[tuple[Path, int, str, str]], secrets: Callable[[str], str]) -> None:
    faults: dict[tuple[Path, str], Fault] = {}
    for file, line, path, name in written:
        try:
            secrets(name)
        except StartError as error:
            faults.setdefault((file, name), Fault(file, line or _line_of(file, name), path, str(error)))
    if faults:
        raise ConfigError(list(faults.values()))


def _written(districts: Sequence[District]) -> Iterator[tuple[Path, int, str, str]]:
    """Yield `(file, line, path, name)` of every secret that districts name; line 0 where it is not known."""
    for district in districts:
        for device in district.devices.values():
            for path, name in named(device.options):
                yield device.file, device.line, f"{device.id}.options.{path}", name
        for file, where, channel in written(district):
            for path, name in channel.secrets():
                yield file, 0, f"{where}.{path}", name


def _provisioned(districts: Sequence[District]) -> Iterator[tuple[Path, int, str, str]]:
    for district in districts:
        if district.provisioning is not None:
            for path, name in district.provisioning.secrets():
                yield district.folder / PROVISIONING_FILE, 0, path, name


def _line_of(file: Path, name: str) -> int:
    """Return the first line of a file that names a secret, 1 when it does not any more."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 1
    return next((number for number, line in enumerate(lines, 1) if f"${{secret:{name}}}" in line), 1)


def named(options: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield `(path, name)` of every secret that options name."""
    for key in type(options).model_fields:
        value = getattr(options, key)
        if isinstance(value, Named):
            yield f"{prefix}{key}", str(value)
        elif isinstance(value, BaseModel):
            yield from named(value, f"{prefix}{key}.")


def homes(
    folder: Path, secrets: Callable[[str], str], notes: Callable[[str], MutableMapping[str, str]]
) -> Callable[[str], Home]:
    """Return what gives each protocol its own home under `folder`; `notes` gives each its notes."""

    def home(protocol: str) -> Home:
        return Home(folder / protocol, secrets, notes(protocol))

    return home
