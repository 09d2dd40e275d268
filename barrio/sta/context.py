"""One request: what its caller sees, what it may cost, and how what it names is linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.sta.limits import ENTITIES_A_REQUEST, MOST_ENTITIES, MOST_STEPS, STEPS_A_REQUEST
from barrio.sta.observing import entities
from barrio.sta.properties import identity
from barrio.sta.readings import Readings
from barrio.sta.view import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.platform import Platform
    from barrio.sta.numbers import ReadingId
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
        self.readings = Readings(platform, view, self.now)
        self._steps = self._entities = 0
        self._spans: dict[int, Span | None] = {}

    def spend(self, steps: int, option: str) -> None:
        """Count what a filter or an order works out; AskError when it is too much."""
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise AskError(
                option, f"would take more than {MOST_STEPS:,} steps: ask for less at once, or more simply"
            )

    @property
    def cost(self) -> float:
        """What was done so far, in requests of the caller's rate."""
        return self._steps / STEPS_A_REQUEST + self._entities / ENTITIES_A_REQUEST + self.readings.cost

    def hold(self, entities: int) -> None:
        """Count what the answer holds; AskError when it is too much."""
        self._entities += entities
        if self._entities > MOST_ENTITIES:
            words = f"the answer would hold more than {MOST_ENTITIES:,} entities: ask for fewer ($top, also in $expand)"
            raise AskError("$expand", words)

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
