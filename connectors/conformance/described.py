"""Checks of what a connector says of itself, and of what it finds wrong in files: no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from connectors.conformance.bench import held, lacking, network_watched
from connectors.conformance.readme import example_faults, figures
from connectors.conformance.recording import bind, device
from connectors.conformance.subject import NUMBER, STATE, Subject
from connectors.registry import Connectors
from twin.model.protocol import parse_endpoint
from twin.model.spec import PointSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

PORT = 20_001
"""Nothing listens there: no check of this module may find out."""


class Described:
    """What can be seen without a device."""

    subject: Subject

    def test_says_what_it_is(self) -> None:
        """A name, schemes with default ports, frozen models that forbid unknown keys and describe every field."""
        connector = self.subject.connector
        held(connector.name.isidentifier(), f"a connector's name is a word, found {connector.name!r}")
        ports = connector.schemes.values()
        held(ports and all(0 <= port < 65536 for port in ports), f"schemes need ports, found {ports}")
        for model in (connector.point_model, connector.options_model):
            held(model.model_config.get("frozen"), f"{model.__name__} is not frozen")
            held(model.model_config.get("extra") == "forbid", f"{model.__name__} takes unknown keys")
            silent = [name for name, info in model.model_fields.items() if not info.description]
            held(not silent, f"{model.__name__} has fields without a description: {', '.join(silent)}")
            taken = _written(model) & set(PointSpec.model_fields)
            held(
                model is connector.options_model or not taken,
                f"keys of every profile cannot be an address's: {taken}",
            )

    def test_is_registered(self) -> None:
        """The entry-point group `barrio.connectors` has it under its own name."""
        name = self.subject.connector.name
        held(
            name in Connectors(),
            f"no entry point of group barrio.connectors is called {name}: install it, pip install -e .",
        )
        held(
            Connectors()[name].name == name,
            f"entry point {name} leads to connector {Connectors()[name].name}",
        )

    def test_validates_without_network(self) -> None:
        """Reading files, checking and making links opens no socket, resolves no name and starts no task."""
        with network_watched() as seen:
            bound = self.subject.bound(PORT)
            faults = list(self.subject.connector.check(bound.device))
            links = self.subject.links([bound], self.subject.home())
        held(not seen, f"the network was used: {seen}")
        held(not faults, f"the subject itself has faults: {faults}")
        held([link.name for link in links if str(PORT) in link.name], "a link is named after its peer")
        held([one for link in links for one in link.devices] == [bound], "links know their devices")

    def test_names_mistakes(self) -> None:
        """An impossible address is a fault before anything connects, and its words name what was found."""
        held(self.subject.mistakes, "a subject names at least one address that cannot be")
        for name, (keys, word) in self.subject.mistakes.items():
            said = list(_faults(self.subject, keys))
            held(said, f"{name}: {keys} was taken")
            held(any(word in words for words in said), f"{name}: {word!r} is not in {said}")

    def test_shares_links_by_peer(self) -> None:
        """Two devices of two peers are two links; every device is on exactly one."""
        bound = [self.subject.bound(PORT), self.subject.bound(PORT + 1, "other", first=100)]
        links = self.subject.links(bound, self.subject.home())
        served = [one.device.id for link in links for one in link.devices]
        held(len(links) == 2, f"two peers gave {len(links)} links")
        held(sorted(served) == ["device", "other"], f"links serve {served}")
        held(all(link.security for link in links), "`security` says how the peer is spoken to, or `none`")

    def test_has_readme_and_example(self) -> None:
        """The folder's README shows a profile that is one: its YAML passes the check."""
        readme = self.subject.folder / "README.md"
        held(readme.is_file(), f"{readme} is missing")
        faults = example_faults(readme.read_text(encoding="utf-8"), self.subject.connector)
        held(not faults, f"{readme}: {'; '.join(faults)}")

    def test_readme_gives_a_rate(self) -> None:
        """The README says what was measured: a figure per second, or microseconds for each reading."""
        readme = self.subject.folder / "README.md"
        found = figures(readme.read_text(encoding="utf-8")) if readme.is_file() else []
        if not found:
            lacking(f"{readme.name} has no section `Measured` with a rate (900 readings/s) or a cost (12 µs)")


def _written(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def _faults(subject: Subject, keys: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a profile's author is told about a point with these keys."""
    connector = subject.connector
    try:
        made = device(connector, subject.endpoint(PORT), {NUMBER: keys}, options=subject.options)
    except ValidationError as error:
        yield from (f"{one['loc']}: {one['msg']}, found {one['input']!r}" for one in error.errors())
        return
    for path, words in connector.check(made):
        yield f"{path}: {words}"
    if subject.points.get(STATE):
        bind(made)
    parse_endpoint(subject.endpoint(PORT), connector.schemes)
