"""What rules have to do with each other: which alarm explains which, and which are one when they come together."""

from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from twin.alarms.compile import check_placeholders
from twin.alarms.rule import LINK_RULE, Holds, Subject, Together
from twin.alarms.words import OF_GROUPS
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.alarms.rule import Rule
    from twin.alarms.spec import ExplainsSpec, RuleSpec, TogetherSpec
    from twin.model.ground import Ground
    from twin.model.protocol import Endpoint
    from twin.model.source import Faults, Place

    Written = tuple[RuleSpec, Place]


def related(
    rules: Mapping[str, Rule], written: Mapping[str, Written], ground: Ground, faults: Faults
) -> list[Rule]:
    """Return the rules with what they explain and what is one of them; `written` has faulty ones as well."""
    found = []
    for name, rule in rules.items():
        spec, place = written[name]
        causes: tuple[tuple[int, str, str], ...] = ()
        one = None
        if spec.explains is not None:
            at = place.at("explains")
            causes = _explained(rule, spec.explains, rules, written, ground, at, faults)
        if spec.together is not None:
            one = _together(rule, spec.together, ground, place.at("together"), faults)
        found.append(replace(rule, explains=causes, together=one))
    _check_circles(found, written, faults)
    return found


# --- causes -------------------------------------------------------------------------------------------------


def _explained(
    rule: Rule,
    spec: ExplainsSpec,
    rules: Mapping[str, Rule],
    written: Mapping[str, Written],
    ground: Ground,
    place: Place,
    faults: Faults,
) -> tuple[tuple[int, str, str], ...]:
    known = [*written, LINK_RULE]
    for position, name in enumerate(spec.rules):
        if name not in known:
            faults.add(place.at("rules", position), f"there is no rule {name!r}{suggest(name, known)}")
    targets = [
        (rules[name].id, {one.owner for one in rules[name].subjects}) for name in spec.rules if name in rules
    ]
    if LINK_RULE in spec.rules:
        targets.append((LINK_RULE, set(ground.devices)))
    found: list[tuple[int, str, str]] = []
    for position, subject in enumerate(rule.subjects):
        for owner in ground.graph.below(subject.owner, spec.through):
            found += [(position, name, owner) for name, owners in targets if owner in owners]
    if targets and not found:
        through = ", ".join(spec.through)
        words = f"explains nothing: {through} leads to no device that one of these rules is about"
        ground.unknown(faults, place.at("through"), words)
    return tuple(found)


def _check_circles(rules: Sequence[Rule], written: Mapping[str, Written], faults: Faults) -> None:
    """Alarms that explain each other in a circle would all be suppressed, and nobody would hear of any."""
    edges: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for rule in rules:
        for position, name, owner in rule.explains:
            edges.setdefault((name, owner), []).append((rule.id, rule.subjects[position].owner))
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        circle = [f"{name} of {owner}" for name, owner in error.args[1]]
        first = error.args[1][0][0]
        at = written[first][1].at("explains")
        faults.add(at, f"alarms explain each other in a circle: {' explains '.join(circle)}")


# --- alarms that are one ------------------------------------------------------------------------------------


def _together(rule: Rule, spec: TogetherSpec, ground: Ground, place: Place, faults: Faults) -> Together:
    check_placeholders(spec.text, OF_GROUPS, place.at("text"), faults)
    members: dict[str, list[int]] = {}
    for position, subject in enumerate(rule.subjects):
        for above in _above(subject.owner, spec.through, ground):
            members.setdefault(above, []).append(position)
    large = {above: tuple(found) for above, found in members.items() if len(found) >= spec.at_least}
    # Of several that stand above the same devices, the nearest is named.
    nearest = dict(zip(reversed(large.values()), reversed(large), strict=True))
    groups = {above: found for above, found in large.items() if nearest[found] == above}
    if not groups:
        words = f"nothing has {spec.at_least} devices of this rule in common through {spec.through}"
        ground.unknown(faults, place, words)
    return Together(
        at_least=spec.at_least,
        share=spec.share,
        priority=spec.priority or rule.priority,
        text=spec.text,
        groups=tuple((_group(above, ground), found) for above, found in groups.items()),
        inside=tuple(_inside(list(groups), spec, ground)),
    )


def _above(owner: str, through: str, ground: Ground) -> Sequence[str]:
    """Return what a device has in common with others, the nearest first."""
    device = ground.devices.get(owner)
    if through == "site":
        return ground.graph.places_of(owner)[:1]
    if through in {"endpoint", "host"}:
        return () if device is None or not device.endpoint.host else (_dialled(device.endpoint, through),)
    return ground.graph.above(owner, (through,))


def _dialled(endpoint: Endpoint, through: str) -> str:
    return endpoint.host if through == "host" else f"{endpoint.host}:{endpoint.port}"


def _group(above: str, ground: Ground) -> Subject:
    device, site = ground.devices.get(above), ground.sites.get(above)
    if device is None and site is None:
        return Subject(above, above, "", Holds())
    name, at = (device.name, device.site) if device else ((site.name if site else "") or above, above)
    where = ground.sites[at].name if at in ground.sites else ""
    return Subject(above, name, at, Holds(), where=where or at)


def _inside(groups: Sequence[str], spec: TogetherSpec, ground: Ground) -> Iterator[tuple[int, int]]:
    """Yield `(inner, outer)` positions of groups of which one stands above the other."""
    if spec.through in {"endpoint", "host"}:
        return
    places = {above: position for position, above in enumerate(groups)}
    for inner, position in places.items():
        for outer in _above(inner, spec.through, ground):
            if outer in places and outer != inner:
                yield position, places[outer]
