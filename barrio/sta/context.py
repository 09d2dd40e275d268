"""One request: what its caller sees, what it may cost, and how what it names is linked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.sta.estimate import Estimate, refuse_entities, refuse_steps
from barrio.sta.limits import ENTITIES_A_REQUEST, LONGEST_S, STEPS_A_REQUEST
from barrio.sta.observing import entities
from barrio.sta.properties import identity
from barrio.sta.readings import Readings
from barrio.sta.view import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.platform import Platform
    from barrio.sta.entities import Kind
    from barrio.sta.numbers import ReadingId
    from barrio.sta.options import Options
    from barrio.sta.records import Reading, Record, Stream
    from barrio.sta.values import Span
    from barrio.sta.view import View


@dataclass(frozen=True, slots=True)
class Asked:
    """The URL as it was asked for: `root` is that of the service, `query` the options as they were written."""

    root: str
    path: str
    query: Mapping[str, str]


class Context:
    """What the parts of one answer share. It lives in one thread."""

    def __init__(self, platform: Platform, view: View, asked: Asked) -> None:
        self.view = view
        self.asked = asked
        self.now = platform.clock.now_ns()
        self.states = platform.catalogue.states
        self._begun = time.monotonic()
        self.readings = Readings(platform, view, self.now, self.check)
        self._steps, self._entities = 0.0, 0
        self._spans: dict[int, Span | None] = {}

    def spend(self, steps: float, option: str) -> None:
        """Count what a filter or an order is about to work out; AskError when it is too much."""
        refuse_steps(self._steps + steps, option)
        self._steps += steps
        self.check(option)

    def check(self, option: str) -> None:
        """Refuse to go on with what takes too long."""
        if time.monotonic() - self._begun > LONGEST_S:
            words = (
                f"took longer than {LONGEST_S:g} s and was given up: ask for less at once, or name a time "
                "(phenomenonTime ge … and phenomenonTime lt …)"
            )
            raise AskError(option, words)

    def foresee(
        self, kind: Kind, records: Sequence[Record], times: Sequence[float], options: Options
    ) -> None:
        """Refuse what is expanded of entities, each standing in the answer so many times, before it is looked for.

        For observations the records may be their Datastreams.
        """
        if options.expand:
            graph = self.view.graph
            weights = graph.weights(kind.name, records, times)
            Estimate(graph, self._entities, self._steps).expansion(kind, weights, options)

    @property
    def cost(self) -> float:
        """What was done so far, in requests of the caller's rate."""
        return self._steps / STEPS_A_REQUEST + self._entities / ENTITIES_A_REQUEST + self.readings.cost

    def hold(self, entities: int) -> None:
        """Count what the answer is about to hold; AskError when it is too much."""
        refuse_entities(self._entities + entities)
        self._entities += entities
        self.check("$expand")

    def load_spans(self, streams: Sequence[Stream]) -> None:
        """Find out at once from when to when there are observations of some Datastreams."""
        missing = [one for one in streams if one.id not in self._spans]
        if missing:
            self._spans |= self.readings.spans(missing)

    def span(self, stream: Stream) -> Span | None:
        """Return from when to when there are observations of a Datastream; None where there are none."""
        if stream.id not in self._spans:
            self.load_spans([stream])
        return self._spans[stream.id]

    def reading(self, wanted: ReadingId, stream: Stream) -> Reading | None:
        """Return the observation of an id, None where there is none."""
        return next(entities(self, self.readings.one(wanted, stream)), None)

    def link(self, record: Record) -> str:
        """Return the `@iot.selfLink` of an entity."""
        number = identity(record)
        shown = f"'{number}'" if isinstance(number, str) else number
        return f"{self.asked.root}/{kind_of(record)}({shown})"
