"""Line protocol: our encoder against `influxdb_client.Point.to_line_protocol`, the same readings in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from influxdb_client.client.write.point import Point

from tests.bench.result import RUNS, median_of, print_results
from twin.frame import Batch
from twin.model.catalogue import CATALOGUE
from twin.store.lineprotocol import Encoder
from twin.store.port import Series

SERIES, READINGS = 1000, 20_000
TEMPERATURE = CATALOGUE["air_temperature"]
START = 1_760_000_000_000_000_000


def series() -> list[Series]:
    """A thousand points of a district."""
    return [
        Series(
            id=number,
            path=f"ciudad-maderas/device-{number}/air",
            district="ciudad-maderas",
            site="tower-a",
            device=f"device-{number}",
            point="air",
            quantity=TEMPERATURE,
        )
        for number in range(SERIES)
    ]


def batch() -> Batch:
    """Twenty thousand readings with one decimal, as sensors give them."""
    ids = (np.arange(READINGS) % SERIES).astype(np.int32)
    moments = START + np.arange(READINGS, dtype=np.int64) * 1_000_000
    values = np.round(20 + np.random.default_rng(1).normal(0, 3, READINGS), 1)
    nothing = np.zeros(READINGS, np.int64)
    return Batch(ids, moments, moments, nothing, values, np.zeros(READINGS, np.uint8))


def points_a_second(encode: Callable[[], int]) -> float:
    """Return the rate of an encoder that returns how many points it encoded."""
    begun = time.perf_counter()
    return encode() / (time.perf_counter() - begun)


def main() -> None:
    """Measure both in turn, so that the machine's mood weighs on both alike."""
    all_series, readings = series(), batch()
    ours = Encoder(all_series, {})
    some = list(zip(readings.ids.tolist(), readings.time.tolist(), readings.value.tolist(), strict=True))[
        :4000
    ]

    def encode_ours() -> int:
        return len(readings) if ours.encode(readings) else 0

    def encode_theirs() -> int:
        for number, moment, value in some:
            one = all_series[number]
            point = Point(one.quantity.name).tag("district", one.district).tag("site", one.site)
            point = point.tag("device", one.device).tag("point", one.point)
            point.field("value", value).time(moment).to_line_protocol()
        return len(some)

    points_a_second(encode_ours)
    pairs = [(points_a_second(encode_ours), points_a_second(encode_theirs)) for _ in range(RUNS)]
    print_results(
        [
            median_of(
                "line_protocol_ratio", "x influxdb_client", ">= 25", [mine / their for mine, their in pairs]
            ),
            median_of("line_protocol_rate", "points/s", "", [mine for mine, _ in pairs]),
        ]
    )


if __name__ == "__main__":
    main()
