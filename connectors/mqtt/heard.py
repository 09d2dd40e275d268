"""What a message says: frames to deliver, points that are silent, and what is to be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.frame import Frame, Ids
    from twin.quality import Reason


@dataclass(slots=True)
class Heard:
    """What became of one message; `rebirth` is the topic at which an edge node takes the request for one."""

    frames: list[Frame] = field(default_factory=list)
    silences: list[tuple[Ids, Reason, str]] = field(default_factory=list)
    rebirth: str = ""
