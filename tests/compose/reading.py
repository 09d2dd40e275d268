"""What compose makes of compose.yaml: variables filled in, profiles chosen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = ROOT / "compose"
FILE = FOLDER / "compose.yaml"
# The form with a default, innermost first: `${A:-text}` and `${A:-${B:-text}}`.
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^${}]*)\}")


def settings() -> dict[str, str]:
    """Return what stands in .env."""
    lines = (FOLDER / ".env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its variables, or their defaults, in place; as compose does it."""
    while (match := _VARIABLE.search(text)) is not None:
        text = text.replace(match[0], variables.get(match["name"]) or match["default"])
    return text.replace("$$", "$")


def composed(variables: Mapping[str, str] | None = None) -> Any:
    """Return the file as compose understands it, with these variables beside those of .env."""
    known = settings() | dict(variables or {})

    def deep(found: Any) -> Any:
        if isinstance(found, dict):
            return {key: deep(value) for key, value in found.items()}
        if isinstance(found, list):
            return [deep(item) for item in found]
        return filled(found, known) if isinstance(found, str) else found

    return deep(yaml.safe_load(FILE.read_text("utf-8")))


def running(profile: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the services that `up` starts with a profile."""
    services = composed(variables)["services"]
    return {name: one for name, one in services.items() if profile in one.get("profiles", [profile])}
