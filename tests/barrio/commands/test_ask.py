"""What the asking commands say of a name that nobody has."""

import pytest

from barrio.commands import ask as command
from barrio.errors import UnknownName
from barrio.settings import Settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("litle", "did you mean little?"),
        ("little/prob", "did you mean little/probe?"),
        ("little/probe/temprature", "did you mean little/probe/temperature?"),
        ("zzz", "'zzz'; barrio latest lists all"),
    ],
)
def test_latest_offers_the_nearest_name(monkeypatch, name, meant):
    """Of all points, devices and districts the one is offered that looks most like it."""
    points = [{"path": "little/probe/temperature"}, {"path": "little/meter/energy"}]

    def ask(settings, districts, path, query):
        return {"points": [] if "under" in query else points}

    monkeypatch.setattr(command, "ask", ask)
    with pytest.raises(UnknownName, match="there is no point, device or district") as caught:
        command.latest(Settings(), [], name, machine=False)

    assert meant in str(caught.value)
