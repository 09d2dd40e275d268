"""The simulated week in an InfluxDB, the dashboards of its district, and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dashboards.generate import Dashboard, Options, generate
from dashboards.kit.names import source_uid
from dashboards.kit.texts import Lang
from dashboards.preview.ask import Source
from tests.dashboards import week_facts, week_rollups
from tests.dashboards.districts import demo
from tests.dashboards.week import Week, simulate, store
from tests.dashboards.week import demo as sparse_demo
from twin.resolution import Resolution


@dataclass(frozen=True)
class Loaded:
    """A week that stands in databases whose names begin with `prefix`."""

    week: Week
    url: str
    prefix: str

    @property
    def now_ms(self) -> int:
        """When it ends."""
        return self.week.now_ns // 1_000_000

    @property
    def sources(self) -> dict[str, Source]:
        """Where the data sources of its district lead."""
        district = self.week.district.id
        return {
            source_uid(district, one): Source(self.url, one.database(district, self.prefix), least="10s")
            for one in Resolution
        }


def load(url: str, prefix: str = "") -> Loaded:
    """Simulate the week and put it into an InfluxDB: readings, facts, rollups."""
    week = simulate(sparse_demo())
    store(week, url, prefix)
    week_facts.tell(week_facts.facts(week), url, f"{prefix}{week.district.id}")
    week_rollups.store(week, url, prefix)
    return Loaded(week, url, prefix)


@lru_cache(maxsize=2)
def boards(lang: Lang = "en") -> tuple[Dashboard, ...]:
    """Return all dashboards of the demo district."""
    return generate([demo()], Options(lang=lang))
