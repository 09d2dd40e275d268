"""`alarms.yaml` to an `AlarmBook`, or to every fault in it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.alarms.book import AlarmBook
from twin.alarms.compile import RuleCompiler
from twin.alarms.relate import related
from twin.alarms.rule import LINK_RULE, Links
from twin.alarms.spec import AlarmsSpec, RuleSpec
from twin.model.source import Place, suggest
from twin.model.validation import validate
from twin.notify_spec import ChannelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.alarms.spec import LinksSpec
    from twin.model.ground import Ground
    from twin.model.source import Faults, Source


def load(source: Source, ground: Ground, faults: Faults) -> AlarmBook:
    """Return the book that a file describes; what is wrong with it is among the faults."""
    spec = validate(AlarmsSpec, _shell(source.data), Place(source, ()), faults)
    written = dict(_written(source, faults))
    rules = {
        name: rule
        for name, (one, place) in written.items()
        if (rule := RuleCompiler(one, place, ground, faults).rule())
    }
    names = _names(source)
    found = related(rules, names | written, ground, faults) if rules else []
    return AlarmBook(
        rules=tuple(found),
        channels=tuple(_channels(source, list(names), faults)),
        links=_links(spec.links) if spec else Links(),
    )


def _shell(data: object) -> object:
    """The file without the items of its lists, which are checked one by one so that none hides the others."""
    if not isinstance(data, dict):
        return data
    return {key: [] if isinstance(value, list) else value for key, value in data.items()}


def _written(source: Source, faults: Faults) -> Iterator[tuple[str, tuple[RuleSpec, Place]]]:
    """Yield the rules that are sound in themselves, each id once."""
    first: dict[str, Place] = {}
    for where, raw in source.listed("alarms"):
        place = Place(source, where)
        spec = validate(RuleSpec, raw, place, faults)
        if spec is None:
            continue
        if spec.id == LINK_RULE:
            words = f"{LINK_RULE!r} is the rule that every link has: `links` says how it is, take another id"
            faults.add(place.at("id"), words)
        elif (other := first.setdefault(spec.id, place)) is not place:
            faults.add(place.at("id"), f"rule id {spec.id!r} is taken, it stands first in line {other.line}")
        else:
            yield spec.id, (spec, place)


def _names(source: Source) -> dict[str, tuple[RuleSpec, Place]]:
    """Ids of all rules that were written, also of those with faults: nobody is told that those are unknown."""
    found = {}
    for where, raw in source.listed("alarms"):
        if isinstance(raw, dict) and isinstance(raw.get("id"), str):
            found[raw["id"]] = (RuleSpec.model_construct(id=raw["id"]), Place(source, where))
    return found


def _channels(source: Source, rules: list[str], faults: Faults) -> Iterator[ChannelSpec]:
    first: dict[str, Place] = {}
    for where, raw in source.listed("notify"):
        place = Place(source, where)
        spec = validate(ChannelSpec, raw, place, faults)
        if spec is None:
            continue
        if (other := first.setdefault(spec.id, place)) is not place:
            faults.add(
                place.at("id"), f"channel id {spec.id!r} is taken, it stands first in line {other.line}"
            )
        known = [*rules, LINK_RULE]
        for position, name in enumerate(spec.rules):
            if name not in known:
                faults.add(place.at("rules", position), f"there is no rule {name!r}{suggest(name, known)}")
        yield spec


def _links(spec: LinksSpec) -> Links:
    return Links(spec.alarm, spec.priority, spec.on_delay, spec.advice, spec.needs_ack)
