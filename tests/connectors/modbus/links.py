"""Links to a device under test."""

from pathlib import Path

from connectors.abilities import Setting
from connectors.conformance.recording import bind_all, device
from connectors.home import Home
from connectors.modbus import connector

ONE = {"level": {"register": "holding:0"}}


def link_at(*endpoints, points=ONE, poll_s=0.05, home=None, **options):
    """Return the one link to these endpoints, and their devices."""
    options = {"timeout": 0.3, **options}
    bound = bind_all(
        [
            device(connector, endpoint, points, name=f"d{number}", poll_s=poll_s, options=options)
            for number, endpoint in enumerate(endpoints)
        ]
    )
    (link,) = connector.links(bound, home or Home())
    return link, bound


def settings(bound, **values):
    """Return settings of points by name."""
    by_name = {point.point.name: point for point in bound.points}
    return [Setting(by_name[name], value) for name, value in values.items()]


def open_files():
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
