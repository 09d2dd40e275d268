"""`barrio connectors`: the protocols that are installed, ours and others', and where each stands on the ladder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from barrio.history import aligned
from connectors.ladder import Rung, standing
from connectors.registry import Connectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.base import Connector


def listed(*, machine: bool) -> str:
    """Return name, schemes, module, rung and what is missing to the next of each connector.

    The rung is computed from what the conformance suite recorded beside the connector's code.
    """
    installed = Connectors()
    found = [_described(installed[name]) for name in installed]
    if machine:
        return json.dumps(found, ensure_ascii=False)
    rows = [[one["name"], _schemes(one["schemes"]), _standing(one), one["module"]] for one in found]
    lines = aligned([["connector", "schemes", "rung", "module"], *rows])
    missing = [f"{one['name']}: {_next(one)}: {words}" for one in found for words in one["missing"]]
    return "\n".join([*lines, *missing])


def _described(connector: Connector) -> dict[str, Any]:
    stands = standing(connector)
    return {
        "name": connector.name,
        "schemes": dict(connector.schemes),
        "module": type(connector).__module__,
        "rung": stands.rung.slug,
        "proven": stands.proven,
        "next": Rung(stands.rung + 1).slug if stands.rung < Rung.PLATINUM else None,
        "missing": list(stands.missing),
    }


def _standing(one: Mapping[str, Any]) -> str:
    return str(one["rung"]) if one["proven"] else "not proven"


def _next(one: Mapping[str, Any]) -> str:
    return f"missing to {one['next']}" if one["proven"] else "not proven"


def _schemes(schemes: Mapping[str, int]) -> str:
    """Return endpoints as they are written; a scheme without a port names a file of this machine."""
    return ", ".join(
        f"{scheme}://HOST:{port}" if port else f"{scheme}:///dev/NAME" for scheme, port in schemes.items()
    )
