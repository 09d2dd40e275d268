"""What the asking commands say of a name that nobody has."""

import pytest

from barrio.client import Unanswered
from barrio.commands import ask as command
from barrio.settings import Settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ciudad-madera", " (did you mean ciudad-maderas?)"),
        ("ciudad-maderas/cistern-a", " (did you mean ciudad-maderas/cistern-a1?)"),
        ("ciudad-maderas/cistern-a1/levle", " (did you mean ciudad-maderas/cistern-a1/level?)"),
        ("zzz", ""),
    ],
)
def test_latest_offers_the_nearest_name(tmp_path, name, meant):
    """Of all points, devices and districts the one is offered that looks most like it."""
    with pytest.raises(Unanswered) as caught:
        command.latest(Settings(data=tmp_path), ["ciudad-maderas"], name, machine=False)

    assert str(caught.value) == f"there is no point with under={name}{meant}"
