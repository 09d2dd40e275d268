"""`barrio connectors`: the protocols that are installed, ours and others'."""

from __future__ import annotations

import json

from barrio.history import aligned
from connectors.registry import Connectors


def listed(*, machine: bool) -> str:
    """Return name, schemes with their default ports, and module of each connector."""
    installed = Connectors()
    found = [
        {
            "name": name,
            "schemes": dict(installed[name].schemes),
            "module": type(installed[name]).__module__,
        }
        for name in installed
    ]
    if machine:
        return json.dumps(found)
    rows = [
        [str(one["name"]), _schemes(installed[str(one["name"])].schemes), str(one["module"])] for one in found
    ]
    return "\n".join(aligned([["connector", "schemes", "module"], *rows]))


def _schemes(schemes: object) -> str:
    pairs = dict(schemes).items() if isinstance(schemes, dict) else ()
    return ", ".join(f"{scheme}://HOST:{port}" for scheme, port in pairs)
