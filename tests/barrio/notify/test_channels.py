"""The channels of districts, and their secrets."""

from types import SimpleNamespace
from typing import Any

import pytest

from barrio.homes import Secrets, check_secrets
from barrio.notify.channels import channels_of
from tests.barrio.notify.stage import channel
from twin.errors import ConfigError

HOOK = "https://ops.example.com"


def district(folder, *alarms, suppliers=()) -> Any:
    books = SimpleNamespace(channels=alarms), SimpleNamespace(suppliers=suppliers)
    return SimpleNamespace(id="d", folder=folder, devices={}, alarms=books[0], services=books[1])


def test_channels_are_named_after_their_district(tmp_path):
    """Two districts may have a channel of the same id."""
    one, two = district(tmp_path, channel(webhook=HOOK)), district(tmp_path, channel(webhook=HOOK))
    two.id = "e"

    assert list(channels_of([one, two])) == ["d/duty", "e/duty"]


def test_a_supplier_is_not_somebody_else(tmp_path):
    """The same id for a supplier and a channel of alarms would send orders to the wrong place."""
    both = district(tmp_path, channel(webhook=HOOK), suppliers=[channel(webhook=f"{HOOK}/orders")])
    with pytest.raises(ConfigError, match=r"services.yaml:1: suppliers\[0\]: 'duty' is the id of a channel"):
        check_secrets([both], Secrets(None))


def test_secrets_of_channels_are_looked_up_at_the_start(tmp_path, monkeypatch):
    """Each that is not there is a line with file and line, of alarms and of suppliers."""
    (tmp_path / "alarms.yaml").write_text("notify:\n  - id: duty\n    apprise: ${secret:phone}\n")
    monkeypatch.setenv("BARRIO_SECRET_SET", "x")
    found = district(
        tmp_path,
        channel(apprise="${secret:phone}"),
        channel(webhook="${secret:set}").model_copy(update={"id": "set"}),
        suppliers=[channel(webhook=HOOK, secret="${secret:water}").model_copy(update={"id": "water"})],
    )
    with pytest.raises(ConfigError) as caught:
        check_secrets([found], Secrets(None))
    one, two = str(caught.value).splitlines()

    assert one.startswith(f"{tmp_path}/alarms.yaml:3: notify[0].apprise: secret 'phone' is not set")
    assert two.startswith(f"{tmp_path}/services.yaml:1: suppliers[0].secret: secret 'water' is not set")
