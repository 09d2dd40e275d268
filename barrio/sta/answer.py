"""Answers: pages of entities, one entity, a property, links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrio.errors import AskError
from barrio.sta.bodies import render
from barrio.sta.entities import ID_NAMES, KINDS, LINK_NAMES
from barrio.sta.pages import next_link, page_of, quoted
from barrio.sta.properties import PROPERTIES, identity
from barrio.sta.resolve import Found, Shape, find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.sta.context import Context
    from barrio.sta.options import Options
    from barrio.sta.records import Record


def answer(context: Context, shape: Shape, options: Options) -> Any:
    """Return what a path names, as JSON; of a property `{name: value}`, or None for one that has no value."""
    found = find(context, shape)
    if shape.many:
        return _collection(context, shape, found, options)
    record = found.record
    if shape.ref:
        return {"@iot.selfLink": context.link(record)}
    if shape.property:
        value = _property(context, shape, record)
        return None if value is None else {shape.property[-1]: value}
    return render(context, shape.kind, [record], options)[0]


def _property(context: Context, shape: Shape, record: Record) -> Any:
    name, *rest = shape.property
    if name in ID_NAMES:
        return identity(record)
    if name in LINK_NAMES:
        return context.link(record)
    value = PROPERTIES[shape.kind.name][name](context, record)
    for one in rest:
        value = value.get(one) if isinstance(value, dict) else None
    return value


def _collection(context: Context, shape: Shape, found: Found, options: Options) -> dict[str, Any]:
    page = page_of(context, shape.kind, found.within, options)
    body: dict[str, Any] = {} if page.count is None else {"@iot.count": page.count}
    if shape.ref:
        context.hold(len(page.records))
        body["value"] = [{"@iot.selfLink": context.link(one)} for one in page.records]
    elif options.data_array:
        body["value"] = _data_array(context, page.records, options)
    else:
        body["value"] = render(context, shape.kind, page.records, options)
    if page.following is not None:
        body["@iot.nextLink"] = next_link(
            f"{context.asked.root}/{quoted(context.asked.path)}", page.following
        )
    return body


def _data_array(context: Context, records: Sequence[Record], options: Options) -> list[dict[str, Any]]:
    """Return observations as one table for each Datastream (18-088, 12)."""
    if options.expand:
        raise AskError("$resultFormat", "dataArray holds no expanded entities: leave out $expand")
    context.hold(len(records))
    kind = KINDS["Observations"]
    names = [one for one in options.select if one in {*ID_NAMES, *kind.properties}] or [
        "id",
        *kind.properties,
    ]
    getters = [identity if one in ID_NAMES else None for one in names]
    tables: dict[int, dict[str, Any]] = {}
    for record in records:
        table = tables.get(record.stream.id)
        if table is None:
            link = f"{context.link(record.stream)}"
            table = {"Datastream@iot.navigationLink": link, "components": names, "dataArray": []}
            tables[record.stream.id] = table
        table["dataArray"].append(
            [
                identity(record) if getter is not None else PROPERTIES[kind.name][name](context, record)
                for name, getter in zip(names, getters, strict=True)
            ]
        )
    return [
        {**one, "dataArray@iot.count": len(one["dataArray"]), "dataArray": one["dataArray"]}
        for one in tables.values()
    ]
