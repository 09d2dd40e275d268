"""Schemas of the catalogue and of readings: points, latest, history, gaps, intervals, figures."""

from __future__ import annotations

from barrio.api.spec.shapes import (
    COUNT,
    MOMENT,
    NUMBER,
    TEXT,
    TRUTH,
    WHOLE,
    Schema,
    component,
    each,
    listed,
    many,
    maybe,
    one_of,
    record,
)

_LEVEL = one_of("good", "uncertain", "bad")
_RESOLUTION = one_of("raw", "15m", "1h", "1d")
_VALUE: Schema = {"type": ["number", "null"]}
_QUALITY = record(level=_LEVEL, reason=TEXT, meaning=TEXT, detail=TEXT)
_WINDOW = record(from_=MOMENT, to=MOMENT, resolution=TEXT)
_SERIES = {"point": TEXT, "quantity": TEXT, "unit": TEXT}
_SPAN = {"from_": MOMENT, "to": MOMENT, "tz": TEXT}
_MAYBE = {"state": maybe(TEXT), "computed": TRUTH}
_READING = {
    "path": TEXT,
    "quantity": TEXT,
    "unit": TEXT,
    "value": {
        "type": ["number", "string", "null"],
        "description": "A number, the name of a state, or nothing",
    },
    "quality": component("Quality"),
    "time": maybe(MOMENT),
    "received": maybe(MOMENT),
    "device_time": maybe(MOMENT),
    "gap": maybe(component("CurrentGap")),
}


def _page(name: str, row: str) -> Schema:
    """Return a page of the catalogue, which goes on at `next`."""
    return listed(name, component(row), next=maybe(TEXT))


READINGS: dict[str, Schema] = {
    "Location": record(lat=NUMBER, lon=NUMBER, of=TEXT),
    "Quality": _QUALITY,
    "CurrentGap": record(since=MOMENT, reason=TEXT, meaning=TEXT, words=TEXT),
    "NewestReading": record(_MAYBE, **_READING),
    "LatestReading": record(_MAYBE, **_READING, resolution=_RESOLUTION),
    "LatestColumns": record(
        total=COUNT,
        point=many(TEXT),
        quantity=many(TEXT),
        unit=many(TEXT),
        value=many(_VALUE),
        state=many(maybe(TEXT)),
        level=many(_LEVEL),
        quality=many(TEXT),
        time=many(maybe(MOMENT)),
        received=many(maybe(MOMENT)),
        resolution=many(_RESOLUTION),
        gap=many(maybe(TEXT)),
    ),
    "HistorySeries": {
        **record(
            {"time": many(MOMENT), "value": many(_VALUE), "start": many(MOMENT), "quality": many(TEXT)},
            **_SERIES,
        ),
        "description": (
            "Columns of one point, equally long. Raw: time, value or state, quality. Windows: start, and a column of "
            "each aggregate, named after it."
        ),
    },
    "History": record(
        every=maybe(TEXT), source=many(_WINDOW), series=many(component("HistorySeries")), **_SPAN
    ),
    "District": record(
        id=TEXT,
        name=TEXT,
        description=TEXT,
        timezone=TEXT,
        location=component("Location"),
        sites=COUNT,
        devices=COUNT,
        points=COUNT,
    ),
    "Site": record(
        path=TEXT,
        id=TEXT,
        district=TEXT,
        name=TEXT,
        kind=TEXT,
        within=maybe(TEXT),
        location=maybe(component("Location")),
        points=COUNT,
    ),
    "Device": record(
        path=TEXT,
        id=TEXT,
        district=TEXT,
        name=TEXT,
        kind=TEXT,
        profile=maybe(TEXT),
        site=maybe(TEXT),
        location=maybe(component("Location")),
        points=many(TEXT),
    ),
    "Point": record(
        {"latest": component("LatestReading"), "computed": TRUTH},
        path=TEXT,
        name=TEXT,
        description=TEXT,
        district=TEXT,
        site=maybe(TEXT),
        device=maybe(TEXT),
        kind=TEXT,
        profile=maybe(TEXT),
        quantity=TEXT,
        unit=TEXT,
        aggregation=TEXT,
        states=many(TEXT),
        writable=TRUTH,
        dataset=maybe(TEXT),
        location=maybe(component("Location")),
    ),
    "Profile": record(
        id=TEXT,
        kind=TEXT,
        devices=COUNT,
        points=many(record(name=TEXT, quantity=TEXT, unit=TEXT, writable=TRUTH, description=TEXT)),
    ),
    "Quantity": record(
        name=TEXT,
        title=each(TEXT),
        unit=TEXT,
        aggregation=TEXT,
        states=many(TEXT),
        smart_data_model=maybe(TEXT),
        brick=maybe(TEXT),
        points=COUNT,
    ),
    "Relation": record(district=TEXT, type=TEXT, from_=TEXT, to=TEXT),
    "FigureGroup": record(id=TEXT, name=TEXT, quantity=TEXT, unit=TEXT, meters=COUNT),
    "FigureRules": record(at_least=COUNT, every=TEXT, after_s=NUMBER, groups=many(component("FigureGroup"))),
    "Owner": record(id=TEXT, name=TEXT, url=maybe(TEXT)),
    "Dataset": record(
        key=TEXT,
        id=TEXT,
        district=TEXT,
        title=TEXT,
        description=TEXT,
        owner=maybe(component("Owner")),
        contact=TEXT,
        licence=TEXT,
        licence_url=maybe(TEXT),
        tier=one_of("open", "partner", "operator"),
        finest=TEXT,
        keywords=many(TEXT),
        points=maybe(COUNT),
        figures=maybe(component("FigureRules")),
    ),
    "Districts": _page("districts", "District"),
    "Sites": _page("sites", "Site"),
    "Devices": _page("devices", "Device"),
    "Points": _page("points", "Point"),
    "Profiles": _page("profiles", "Profile"),
    "Quantities": _page("quantities", "Quantity"),
    "Relations": _page("relations", "Relation"),
    "Datasets": _page("datasets", "Dataset"),
    "DatasetsOfFigures": record(figures=many(component("Dataset"))),
    "FigureSeries": record(
        group=TEXT,
        quantity=TEXT,
        unit=TEXT,
        start=many(MOMENT),
        stop=many(MOMENT),
        value=many(_VALUE),
        completeness=many(_VALUE),
        status=many(TEXT),
    ),
    "Figures": record(dataset=TEXT, every=maybe(TEXT), series=many(component("FigureSeries")), **_SPAN),
    "GeoJSON": record(
        {
            "features": many({"type": "object"}),
            "geometry": {"type": ["object", "null"]},
            "properties": {"type": "object"},
        },
        type=one_of("FeatureCollection", "Feature"),
    ),
    "Gap": record(
        point=TEXT, from_=MOMENT, to=maybe(MOMENT), reason=TEXT, meaning=TEXT, words=TEXT, filled=TRUTH
    ),
    "Silence": record(
        point=TEXT,
        missing_s=NUMBER,
        gaps=COUNT,
        longest_s=NUMBER,
        reason=maybe(TEXT),
        reasons=each(NUMBER),
        filled_s=NUMBER,
    ),
    "Gaps": {
        "anyOf": [
            listed("gaps", component("Gap")),
            record(worst=many(component("Silence"))),
        ]
    },
    "CompletenessRow": record(
        {"longest_gap_s": maybe(NUMBER), "filled_s": maybe(NUMBER), "reasons": {"type": "object"}},
        from_=MOMENT,
        to=MOMENT,
        expected=maybe(NUMBER),
        received=maybe(NUMBER),
        complete=maybe(NUMBER),
    ),
    "Completeness": listed(
        "rows", component("CompletenessRow"), every=TEXT, by=TEXT, waiting=maybe(COUNT), words=TEXT, **_SPAN
    ),
}

_BOUNDARIES = {**_SPAN, "version": COUNT, "settled_only": TRUTH}
_WHOLES = many(WHOLE)
_NUMBERS = many(_VALUE)
_IN_QUALITY = ("valid", "late", "estimated", "edited", "suspect", "missing")
_SIDE = record(delta=_VALUE, register=_VALUE, quality=TEXT, reason=maybe(TEXT))

INTERVALS: dict[str, Schema] = {
    "IntervalSeries": record(
        start=many(MOMENT),
        local=many(TEXT),
        delta=_NUMBERS,
        register=_NUMBERS,
        quality=many(one_of(*_IN_QUALITY)),
        reason=many(maybe(TEXT)),
        version=_WHOLES,
        **_SERIES,
    ),
    "Intervals": record(
        length=one_of("15m", "30m", "1h"),
        intervals=COUNT,
        counts=record(**dict.fromkeys(_IN_QUALITY, COUNT)),
        complete=_VALUE,
        series=many(component("IntervalSeries")),
        **_BOUNDARIES,
    ),
    "TotalSeries": record(
        start=many(MOMENT),
        end=many(MOMENT),
        local=many(TEXT),
        total=_NUMBERS,
        register_start=_NUMBERS,
        register_end=_NUMBERS,
        **dict.fromkeys(_IN_QUALITY, _WHOLES),
        estimated_total=_NUMBERS,
        estimated_share=_NUMBERS,
        meter_changes=_WHOLES,
        version=_WHOLES,
        **_SERIES,
    ),
    "Totals": record(series=many(component("TotalSeries")), **_BOUNDARIES),
    "IntervalChange": record(start=MOMENT, before=maybe(_SIDE), after=maybe(_SIDE)),
    "IntervalVersion": record(
        version=COUNT, at=MOMENT, cause=TEXT, days=many(MOMENT), changes=many(component("IntervalChange"))
    ),
    "IntervalVersions": record(point=TEXT, versions=many(component("IntervalVersion")), truncated=TRUTH),
    "IntervalEdit": record(
        edit=COUNT,
        point=TEXT,
        kind=TEXT,
        from_=MOMENT,
        to=MOMENT,
        values=many(NUMBER),
        at=MOMENT,
        version=COUNT,
        withdrawn=maybe(COUNT),
        who=TEXT,
        why=TEXT,
    ),
    "IntervalEdits": listed("edits", component("IntervalEdit")),
    "IntervalEdited": record(edit=COUNT, version=COUNT, point=TEXT, kind=TEXT),
    "IntervalWithdrawn": record(edit=COUNT, version=COUNT),
}
