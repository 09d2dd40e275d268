"""What a panel says about itself: where its numbers come from, and why it may be empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit import common
from dashboards.kit.series import Of
from dashboards.kit.texts import Text
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.kit.panels import Panel
    from dashboards.kit.series import Compiled

_DAY_S = 86_400
_MOST = 3


def about(panel: Panel, chosen: Sequence[Compiled]) -> Text:
    """Return what a panel shows, and what that is read from."""
    found = panel.about
    for text in list(dict.fromkeys(map(_source, chosen)))[:_MOST]:
        found = found + text
    return found + _resolutions(chosen) if chosen else found


def why_empty(panel: Panel, chosen: Sequence[Compiled], readings_s: float | None) -> Text:
    """Return why a panel may be empty; readings are kept for `readings_s`, for ever when None."""
    if panel.empty is not None:
        return panel.empty
    if any(isinstance(one, Of) and one.take == "count" for one in panel.reads):
        return common.NONE_IN_STATE
    if panel.short:
        return common.EMPTY_FIGURE
    raw = any(one is Resolution.RAW for found in chosen for one, _ in found.queries)
    if not raw or readings_s is None:
        return common.EMPTY
    gone = Text(
        "(readings are kept for {days} days: of earlier days choose a longer range)",
        "(las lecturas se conservan {days} días: de días anteriores elija un periodo más largo)",
    )
    return common.EMPTY + gone.fill(days=round(readings_s / _DAY_S))


def _source(found: Compiled) -> Text:
    quantity = Text(found.quantity.title, found.quantity.titulo)
    owners = {seen.owner: seen.name for seen in found.points}
    if len(owners) == 1:
        return Text("Source: {what} of {name}.", "Fuente: {what} de {name}.").fill(
            what=quantity, name=next(iter(owners.values()))
        )
    kinds = ", ".join(dict.fromkeys(seen.kind for seen in found.points))
    text = Text(
        "Source: {what} of {count} devices or places ({kinds}).",
        "Fuente: {what} de {count} dispositivos o lugares ({kinds}).",
    )
    return text.fill(what=quantity, count=len(owners), kinds=kinds)


def _resolutions(chosen: Sequence[Compiled]) -> Text:
    used = {one for found in chosen for one, _ in found.queries}
    names = [one.value for one in Resolution if one in used and one.seconds]
    if not names:
        return Text("Read from readings.", "Se lee de las lecturas.")
    if Resolution.RAW in used:
        return Text(
            f"Long ranges are read from rollups ({', '.join(names)}).",
            f"Los periodos largos se leen de los resúmenes ({', '.join(names)}).",
        )
    return Text(f"Read from rollups ({', '.join(names)}).", f"Se lee de los resúmenes ({', '.join(names)}).")
