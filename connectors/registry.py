"""Finding connectors: the entry-point group `barrio.connectors` is the one door, for ours and for others'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from twin.errors import StartError

if TYPE_CHECKING:
    from connectors.base import Connector

GROUP = "barrio.connectors"


class Connectors(Mapping[str, "Connector"]):
    """The installed connectors by protocol name; each is imported when it is first asked for."""

    def __init__(self, found: Mapping[str, EntryPoint] | None = None) -> None:
        self._found = (
            dict(found) if found is not None else {entry.name: entry for entry in entry_points(group=GROUP)}
        )
        self._loaded: dict[str, Connector] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the protocols' names, sorted."""
        return iter(sorted(self._found))

    def __len__(self) -> int:
        """Return how many are installed."""
        return len(self._found)

    def __contains__(self, name: object) -> bool:
        """Whether a protocol of that name is installed."""
        return name in self._found or name in self._loaded

    def __getitem__(self, name: str) -> Connector:
        """Return the connector of a protocol; KeyError when none is installed, StartError when it does not load."""
        if name not in self._loaded:
            entry = self._found[name]
            try:
                self._loaded[name] = cast("Connector", entry.load())
            except (ImportError, AttributeError) as error:
                message = f"connector {name!r} ({entry.value}) does not load: {error}"
                raise StartError(message) from error
        return self._loaded[name]

    def add(self, connector: Connector) -> None:
        """Register a connector without an entry point (tests, embedding)."""
        self._loaded[connector.name] = connector
        self._found.setdefault(connector.name, EntryPoint(connector.name, "", GROUP))
