"""`why` names the station at which a reading stopped, with the words of whoever stopped it."""

import pytest

from barrio.why import Verdict
from tests.barrio.scripted import PROFILE, staged, until
from twin.quality import Reason
from twin.store.port import StoreBusy, StoreRefused

PATH = "little/probe/temperature"


async def stop_of(stage, path=PATH):
    """The first step that stops a point, as (name, words); None when nothing does."""
    answer = await stage.http.get(f"/api/v1/why/{path}")
    steps = answer.json()["steps"]
    return next(((one["step"], one["words"]) for one in steps if one["verdict"] == Verdict.STOPS), None)


async def test_a_point_with_a_value_is_stopped_nowhere(stage):
    """A good reading passes every station, and the last one shows it."""
    await stage.links["probe"].give("temperature", 21.5)
    await stage.settled()
    answer = (await stage.http.get(f"/api/v1/why/{PATH}")).json()

    assert [one["verdict"] for one in answer["steps"]] == ["passes"] * 7
    assert answer["steps"][-1]["words"].startswith("21.5 Cel at 20")


async def test_a_register_is_shown_whole(stage):
    """What a meter has counted is told with every decimal of its steps."""
    await stage.links["meter"].give("energy", 2_020_870.5)
    await stage.settled()
    answer = (await stage.http.get("/api/v1/why/little/meter/energy")).json()

    assert answer["steps"][-1]["words"].startswith("2020870.500 kW.h at 20")


async def test_a_point_that_is_not_configured(stage):
    """A path that no district has is answered with the nearest one."""
    answer = await stage.http.get("/api/v1/why/little/probe/temprature")

    assert answer.status_code == 404
    assert "did you mean little/probe/temperature?" in answer.json()["detail"]


async def test_a_point_never_heard(stage):
    """A device that said nothing yet is the station at which it stops."""
    name, words = await stop_of(stage)

    assert name == "device"
    assert "nothing was heard since it was configured, 20" in words


async def test_a_link_that_is_down(stage):
    """A lost connection is named with its time and the peer's words."""
    await stage.links["probe"].give("temperature", 21.5)
    await stage.settled()
    stage.links["probe"].break_off("connection reset by peer")
    await until(lambda: not stage.platform.supervisor.links[0][0].up)
    name, words = await stop_of(stage)

    assert name == "link"
    assert words.startswith("scripted://10.0.0.1:1 is down since 20")
    assert words.endswith(": connection reset by peer")


@pytest.mark.parametrize(
    ("reason", "said", "expected"),
    [
        (
            Reason.DEVICE_EXCEPTION,
            "exception 2: illegal data address",
            "the device answered with an exception",
        ),
        (Reason.BAD_STATUS, "BadSensorFailure", "the server calls this value bad"),
    ],
)
async def test_a_device_that_answers_with_an_error(stage, reason, said, expected):
    """An exception or a bad status is told in the device's own words."""
    await stage.links["probe"].give("temperature", float("nan"), reason, said)
    await stage.settled()
    name, words = await stop_of(stage)

    assert name == "device"
    assert f"{expected}: {said}" in words


async def test_a_value_out_of_range(stage):
    """A value that cannot be is dropped by the check, which says what it was."""
    await stage.links["probe"].give("temperature", 999.0)
    await stage.settled()
    name, words = await stop_of(stage)

    assert name == "check"
    assert words.startswith("dropped: outside the plausible range of its quantity: 999 is outside")


async def test_readings_that_wait_in_the_spool(stage, monkeypatch):
    """While the store is away readings wait in the spool, and the store's words are shown."""

    def away(*_, **__):
        raise StoreBusy("store", "no space left on device")

    monkeypatch.setattr(stage.platform.store, "write", away)
    await stage.links["probe"].give("temperature", 21.5)
    await until(lambda: stage.platform.writer.state.words)
    name, words = await stop_of(stage)

    assert name == "spool"
    assert words == "1 readings wait in the spool: no space left on device"


async def test_a_reading_that_the_store_rejects(stage, monkeypatch):
    """A reading in the dead letters is shown with the store's words."""

    def refuse(*_, **__):
        raise StoreRefused("store", "field type conflict")

    monkeypatch.setattr(stage.platform.store, "write", refuse)
    await stage.links["probe"].give("temperature", 21.5)
    await stage.settled()
    name, words = await stop_of(stage)

    assert name == "store"
    assert words == "rejected by the store with these words: field type conflict"


async def test_a_command_misses_nothing(tmp_path, monkeypatch):
    """A point that is only written has no gap, unheard or with its link down, and `why` says what it is."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    profile = f"{PROFILE}  reset: {{quantity: pump_state, slot: -1, writable: true, states: {{0: 'off', 1: 'on'}}}}\n"
    async with staged(tmp_path, profile=profile) as stage:
        platform = stage.platform
        stage.links["probe"].break_off("unplugged")
        await until(lambda: stop_words(platform, "temperature") == "unplugged")
        gaps = [stop_words(platform, name) for name in ("energy", "reset")]
        counted = (await stage.http.get("/api/v1/status")).json()["points"]["configured"]
        stop = await stop_of(stage, "little/probe/reset")

    assert gaps == ["unplugged", None]
    assert counted == 6
    assert stop == ("link", "the point is a command: it is written, and gives no readings")


def stop_words(platform, name):
    """The words of a point's gap, None when it has none."""
    item = platform.catalogue.points[f"little/probe/{name}"]
    return platform.gaps.words[item.id] if platform.gaps.reason[item.id] else None
