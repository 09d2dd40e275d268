# ruff: noqa: INP001 - run by itself in an environment of its own, not imported
# mypy: disable-error-code="import-not-found"
# What it imports stands in that environment only.
"""Reads a running barrio with one client of SensorThings, and prints what it read as JSON.

    python drive.py CLIENT URL

Runs in the environment of this folder. Every client finds, lists, pages, expands, filters, and reads a span of time, as
far as it can; what it cannot is left out. `observations` are `[path of the point, time, value]` of every reading.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

START, STOP = "2026-11-27T12:02:00Z", "2026-11-27T12:05:00Z"
SPAN = f"phenomenonTime ge {START} and phenomenonTime lt {STOP}"
POINT = "little/probe/temperature"


def frost(url: str) -> Mapping[str, Any]:
    """With frost-sta-client: entities as objects, pages followed while iterating."""
    import frost_sta_client as client

    service = client.SensorThingsService(url)
    things = list(service.things().query().orderby("name", "asc").top(1).list())
    streams = list(service.datastreams().query().expand("Thing,ObservedProperty").top(2).list())
    found = service.datastreams().query().filter(f"name eq '{POINT}'").list().entities[0]
    again = service.datastreams().find(found.id)
    spans = found.get_observations().query().filter(SPAN).orderby("phenomenonTime", "asc").list()
    observations = [
        [one.name, reading.phenomenon_time, reading.result]
        for one in streams
        for reading in one.get_observations().query().top(3).list()
    ]
    first = service.observations().query().top(1).list().entities[0]
    return {
        "things": [one.name for one in things],
        "streams": {one.name: [one.thing.name, one.observed_property.name] for one in streams},
        "found": again.name,
        "span": [one.result for one in spans],
        "observations": observations,
        "observation": service.observations().find(first.id).result == first.result,
        "location": things[0].get_locations().query().list().entities[0].location["coordinates"],
    }


def stapy(url: str) -> Mapping[str, Any]:
    """With stapy: columns of what is selected."""
    import stapy
    from stapy.sta.query import Expand

    stapy.set_sta_url(url)
    entity = stapy.Entity
    names, numbers = stapy.Query(entity.Datastream).select("name", "@iot.id").limit(2).get_data_sets()
    number = dict(zip(names, numbers, strict=True))[POINT]
    of_point = stapy.Query(entity.Datastream).entity_id(number).sub_entity(entity.Observation)
    spans = of_point.filter(SPAN).order("phenomenonTime").select("result").get_data_sets()
    expand = Expand(entity.Datastream).select(["name"]).order("name", asc=False).limit(1)
    things = stapy.Query(entity.Thing).select("name", "Datastreams").expand(expand.get_expand())
    observations = []
    for name, one in zip(names, numbers, strict=True):
        query = stapy.Query(entity.Datastream).entity_id(one).sub_entity(entity.Observation)
        try:
            times, values = query.select("phenomenonTime", "result").limit(3).get_data_sets()
        except IndexError:
            continue  # What it makes of an empty collection.
        observations += [[name, *pair] for pair in zip(_listed(times), _listed(values), strict=True)]
    things_names, inner = things.order("name").get_data_sets()
    return {
        "things": things_names,
        "inner": [one[0]["name"] for one in inner],
        "found": stapy.Query(entity.Datastream).filter(f"name eq '{POINT}'").select("name").get_data_sets(),
        "span": spans,
        "observations": observations,
    }


def pysta(url: str) -> Mapping[str, Any]:
    """With pysta, which sends `None:None` where it was given no user."""
    from sta.client import Client

    client = Client(base_url=url.rstrip("/"), user=None, pwd=None)
    things = [one["name"] for one in client.get_things(orderby="name asc")]
    streams = list(client.get_datastreams(expand="Thing,ObservedProperty"))
    # What reads observations takes no filter, what reads datastreams does, and an entity set as well.
    [found] = [one for one in streams if one["name"] == POINT]
    of_point = f"Datastreams({found['@iot.id']})/Observations"
    spans = list(client.get_datastreams(SPAN, entity=of_point))
    observations = [
        [one["name"], reading["phenomenonTime"], reading["result"]]
        for one in streams
        for reading in client.get_observations(one)
    ]
    return {
        "things": things,
        "streams": {one["name"]: [one["Thing"]["name"], one["ObservedProperty"]["name"]] for one in streams},
        "found": found["name"],
        "span": [one["result"] for one in spans],
        "observations": observations,
    }


def istsos4(url: str) -> Mapping[str, Any]:
    """With istsos4-client: entities as models, with times as datetimes."""
    from istsos4_client import Client, Datastream, Observation, Thing

    with Client(url.rstrip("/")) as client:
        things = client.list(Thing, orderby="name asc", top=1, expand="Locations")
        streams = client.list(Datastream, expand="Thing,ObservedProperty", top=2)
        [found] = client.list(Datastream, filter=f"name eq '{POINT}'")
        of_point = f"Datastream/id eq {found.iot_id} and {SPAN}"
        spans = client.list(Observation, filter=of_point, orderby="phenomenonTime asc", top=1)
        readings = client.list(Observation, expand="Datastream", top=5)
        first = client.get(Observation, readings[0].iot_id)
        return {
            "things": [one.name for one in things],
            "streams": {one.name: [one.thing.name, one.observed_property.name] for one in streams},
            "found": client.get(Datastream, found.iot_id).name,
            "span": [one.result for one in spans],
            "observations": [
                [one.datastream.name, one.phenomenon_time.isoformat(), one.result] for one in readings
            ],
            "observation": first.result == readings[0].result,
            "location": things[0].locations[0].location["coordinates"],
        }


def _listed(value: Any) -> list[Any]:
    """Return a column of stapy, which gives one value by itself."""
    return value if isinstance(value, list) else [value]


CLIENTS = {"frost": frost, "stapy": stapy, "pysta": pysta, "istsos4": istsos4}

if __name__ == "__main__":
    # stapy keeps its settings in the folder that it runs in.
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.stdout.write(json.dumps(CLIENTS[sys.argv[1]](sys.argv[2])) + "\n")
