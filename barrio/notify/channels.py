"""The channels of districts, by the names that the outbox knows them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.errors import ConfigError, Fault
from twin.model.loader import ALARMS_FILE, SERVICES_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from twin.model.district import District
    from twin.notify_spec import ChannelSpec


def channels_of(districts: Iterable[District]) -> dict[str, ChannelSpec]:
    """Return every channel by `district/channel`; ConfigError when a supplier has the id of another channel."""
    found: dict[str, ChannelSpec] = {}
    faults: list[Fault] = []
    for district in districts:
        for file, path, spec in written(district):
            from twin.notify_spec import channel_of

            name = channel_of(district.id, spec.id)
            if found.setdefault(name, spec) != spec:
                words = f"{spec.id!r} is the id of a channel in {ALARMS_FILE} too, rename one of them"
                faults.append(Fault(file, 1, path, words))
    if faults:
        raise ConfigError(faults)
    return found


def written(district: District) -> Iterator[tuple[Path, str, ChannelSpec]]:
    """Yield each channel of a district with the file and the path that it was written at."""
    if district.alarms is not None:
        for number, spec in enumerate(district.alarms.channels):
            yield district.folder / ALARMS_FILE, f"notify[{number}]", spec
    if district.services is not None:
        for number, spec in enumerate(district.services.suppliers):
            yield district.folder / SERVICES_FILE, f"suppliers[{number}]", spec
