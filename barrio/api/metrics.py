"""The platform's numbers in the text format of Prometheus, version 0.0.4 (prometheus.io, "Exposition formats")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from barrio import __version__
from barrio.status import snapshot, store_words
from twin.clock import NS
from twin.quality import Reason

if TYPE_CHECKING:
    from barrio.platform import Platform

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with its samples: labels and value."""

    name: str
    kind: str
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """Yield the lines of this metric."""
        yield f"# HELP {self.name} {self.help.translate(_HELP_ESCAPES)}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.samples:
            inner = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
            yield f"{self.name}{{{inner}}} {value:.17g}" if inner else f"{self.name} {value:.17g}"


def text(metrics: Iterable[Metric]) -> str:
    """Return the whole exposition."""
    return "\n".join(line for metric in metrics for line in metric.lines()) + "\n"


def collect(platform: Platform) -> list[Metric]:
    """Return all metrics; counters count since this process started."""
    now = snapshot(platform)
    readings = now["readings"]
    return [
        _info(),
        *(_counter(f"readings_{key}_total", words, readings[key]) for key, words in _READINGS.items()),
        _gauge("readings_waiting", "Readings in the spool.", platform.spool.books().waiting),
        _gauge("readings_pending", "Readings in memory that are not durable yet.", readings["pending"]),
        _gauge("books_balanced", "1 while every reading is accounted for.", now["balanced"]),
        _gauge("spool_bytes", "Bytes that the spool takes.", platform.spool.used_bytes),
        _gauge("spool_limit_bytes", "Bytes at which the spool is full.", platform.settings.spool_bytes),
        _gauge(
            "spool_oldest_seconds", "Age of the oldest reading in the spool.", platform.spool.oldest_age_s
        ),
        _gauge("devices_configured", "Devices in the districts.", now["devices"]["configured"]),
        _gauge("devices_heard", "Devices heard since the start.", now["devices"]["heard"]),
        _gauge("points_configured", "Points in the districts.", now["points"]["configured"]),
        _gauge("points_heard", "Points with a usable value since the start.", now["points"]["heard"]),
        _gauge("store_up", "1 while the store takes readings.", not store_words(platform)),
        _counter("store_errors_total", "Writes that the store did not take.", platform.writer.state.errors),
        _counter("clock_steps_total", "Times that the wall clock was set.", platform.clock_steps),
        _counter(
            "bugs_total", "Faults of barrio that ended what was asked for.", platform.supervisor.bugs.count
        ),
        _gauge("uptime_seconds", "Seconds since the start.", now["seconds"]),
        _gauge("alarms", "Alarms of the platform itself.", len(now["alarms"])),
        *_links(platform),
        _gaps(platform),
        *_living(platform),
        *_facts(platform),
        *_rollups(platform),
    ]


_READINGS = {
    "received": "Readings that connectors delivered.",
    "unchanged": "Readings inside their dead band, heard and not stored again.",
    "stored": "Readings that the store acknowledged.",
    "quarantined": "Readings that the store refused, kept in the dead letters.",
    "dropped": "Readings for which there was no room.",
}


def _info() -> Metric:
    return Metric("barrio_info", "gauge", "Version.", [({"version": __version__}, 1)])


def _gauge(name: str, words: str, value: float) -> Metric:
    return Metric(f"barrio_{name}", "gauge", words, [({}, value)])


def _counter(name: str, words: str, value: float) -> Metric:
    return Metric(f"barrio_{name}", "counter", words, [({}, value)])


def _links(platform: Platform) -> list[Metric]:
    up = Metric("barrio_link_up", "gauge", "1 while the peer answers.")
    drops = Metric("barrio_link_drops_total", "counter", "Times that the link was lost.")
    for status, _ in platform.supervisor.links:
        labels = {"link": status.name, "protocol": status.protocol}
        up.samples.append((labels, status.up))
        drops.samples.append((labels, status.drops))
    return [up, drops]


def _living(platform: Platform) -> list[Metric]:
    """Alarms, commands and services, for districts that have them."""
    living, found = platform.living, []
    if living.alarms is not None:
        counts = [({"state": str(one)}, count) for one, count in living.alarms.counts().items()]
        standing = Metric("barrio_alarms_standing", "gauge", "Alarms of the districts, by state.", [*counts])
        found += [standing, _counter("alarm_changes_lost_total", "Changes not kept.", living.alarms.lost)]
    if living.commander is not None:
        desired = living.commander.desired()
        found.append(_gauge("points_desired", "Points of which something is desired.", len(desired)))
        differ = sum(one.differs is True for one in desired)
        found.append(_gauge("points_differing", "Of those, points that show something else.", differ))
    return found


def _facts(platform: Platform) -> list[Metric]:
    """What an InfluxDB is told beside readings."""
    if platform.facts is None:
        return []
    state = platform.facts.state
    return [
        _counter("facts_told_total", "Facts that the store took.", state.rows),
        _counter("facts_folded_total", "Happenings that are in the facts of others.", state.folded),
        _counter("facts_lost_total", "Facts that the store refused.", state.lost),
        _gauge("facts_waiting", "Entries of the journals that the store was not told yet.", state.waiting),
        _gauge(
            "facts_last_told_seconds", "When the store was told last, seconds since 1970.", state.last / NS
        ),
    ]


def _rollups(platform: Platform) -> list[Metric]:
    """How far rollups are made."""
    now = platform.rollups.snapshot()
    waiting = Metric("barrio_rollup_windows_waiting", "gauge", "Windows that have ended and are not made.")
    older = Metric("barrio_rollup_older_days", "gauge", "Days of older history that are not made.")
    for one in now["districts"]:
        district = {"district": one["district"]}
        for key, value in one["waiting"].items():
            waiting.samples.append(({**district, "resolution": key}, value))
        if one["older_days"] is not None:
            older.samples.append((district, one["older_days"]))
    return [
        waiting,
        older,
        _gauge("rollup_late_marks", "Points and days for which readings came late.", now["late"]),
        _counter("rollup_rows_total", "Rows of rollups that were made.", now["rows"]),
    ]


def _gaps(platform: Platform) -> Metric:
    metric = Metric("barrio_gaps_open", "gauge", "Points that are not heard now, by reason.")
    codes = Counter(platform.gaps.reason[platform.catalogue.ids].tolist())
    for code, count in sorted(codes.items()):
        if code:
            metric.samples.append(({"reason": Reason(code).slug}, count))
    return metric
