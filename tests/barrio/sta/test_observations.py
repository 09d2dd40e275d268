"""Observations: in which order they come, page by page, counted, by id, and never more of history than is asked."""

from tests.barrio.sta.town import NS, START
from twin.quality import Reason


def of(little, path: str) -> str:
    return f"/Datastreams({little.id(path)})/Observations"


def counted(little, monkeypatch, name: str) -> list[int]:
    """How many readings each call of a method of the store brings."""
    numbers: list[int] = []
    method = getattr(little.platform.store, name)

    def noted(*asked: object) -> object:
        found = method(*asked)
        numbers.append(len(found))
        return found

    monkeypatch.setattr(little.platform.store, name, noted)
    return numbers


async def test_pages_hold_each_observation_once(little):
    """Whatever the order and the size of pages; readings that arrive meanwhile do not shift the rest."""
    path = of(little, "probe/temperature")
    newest = [29.0, 27.0, 26.0, 25.0, 24.0, 23.0, 22.0, 21.0, 20.0]
    for size in ("1", "2", "4", "9", "100"):
        found = [one["result"] for one in await little.all(path, top=size)]
        oldest = [one["result"] for one in await little.all(path, top=size, orderby="phenomenonTime asc")]
        by_id = [one["result"] for one in await little.all(path, top=size, orderby="id asc")]
        by_result = [one["result"] for one in await little.all(path, top=size, orderby="result desc")]

        assert found == by_result == newest
        assert oldest == by_id == newest[::-1]
    body = await little.get(path, top="4")
    little.write("probe/temperature", (3_000.0, 40.0))
    following = await little.get(body["@iot.nextLink"])
    assert [one["result"] for one in following["value"]] == newest[4:8]


async def test_what_decides_nothing_is_no_order_of_its_own(little, monkeypatch):
    """One Datastream has one reading at a time, so a second key changes nothing: the store's order, and its pages."""
    path = of(little, "probe/temperature")
    for first, second in (
        ("phenomenonTime desc", "result asc"),
        ("resultTime asc", "id desc"),
        ("id desc", "result"),
    ):
        alone = await little.get(path, orderby=first, top="3", select="result")
        both = await little.get(path, orderby=f"{first},{second}", top="3", select="result")
        little.write("probe/temperature", (3_000.0, 40.0))
        following = [
            [one["result"] for one in (await little.get(body["@iot.nextLink"]))["value"]]
            for body in (alone, both)
        ]

        assert both["value"] == alone["value"]
        assert "$skiptoken" in both["@iot.nextLink"]
        assert following[0] == following[1]
    all_of_them = await little.all("/Observations", top="3", orderby="phenomenonTime desc,id desc")
    other_way = await little.all("/Observations", top="3", orderby="phenomenonTime desc,id asc")
    assert [one["@iot.id"] for one in all_of_them] == [
        one["@iot.id"] for one in await little.all("/Observations")
    ]
    assert [one["@iot.id"] for one in other_way] != [one["@iot.id"] for one in all_of_them]


async def test_pages_of_all_datastreams(little):
    """Readings of one moment are told apart by their Datastream."""
    everything = [one["@iot.id"] for one in await little.all("/Observations", top="3")]
    by_id = [one["@iot.id"] for one in await little.all("/Observations", top="3", orderby="id")]
    backwards = [one["@iot.id"] for one in await little.all("/Observations", top="3", orderby="id desc")]

    assert len(everything) == len(set(everything)) == 16
    assert by_id == backwards[::-1] == sorted(everything, key=int)
    assert len(await little.all("/Observations", top="3", filter="result gt 20")) == 11


async def test_links_keep_all_options(little):
    """The next page is of the same question."""
    link = (await little.get(of(little, "probe/temperature"), top="2", filter="result gt 20", expand="Datastream",
                             select="result,Datastream", count="true"))["@iot.nextLink"]  # fmt: skip
    following = await little.get(link)

    assert link.startswith("http://town.example/sta/v1.1/Datastreams(")
    assert following["@iot.count"] == 8
    assert [list(one) for one in following["value"]] == [["result", "Datastream"]] * 2
    assert [one["result"] for one in following["value"]] == [26.0, 25.0]


async def test_skip_top_and_none(little):
    """`$skip` leaves out, `$top=0` gives none and no link."""
    path = of(little, "probe/temperature")

    assert await little.results(path, skip="7") == [21.0, 20.0]
    assert await little.results(path, skip="1", top="2") == [27.0, 26.0]
    assert await little.get(path, top="0", count="true") == {"@iot.count": 9, "value": []}
    assert await little.results(path, skip="1000000000") == []


async def test_counts(little):
    """Of all, of a time and of a filter; a bad reading is no observation."""
    path = of(little, "probe/temperature")

    async def count(path: str, **query: str) -> object:
        return (await little.get(path, count="true", top="0", **query))["@iot.count"]

    assert await count(path) == 9
    assert await count(path, filter="phenomenonTime ge 2026-11-27T12:05:00Z") == 4
    assert await count(path, filter="result gt 25") == 3
    assert await count("/Observations") == 16
    assert await count("/Things") == 2


async def test_an_observation_by_id(little):
    """With and without quotes, below its Datastream and its feature, and its parts."""
    stream = little.id("probe/temperature")
    found = (await little.get(of(little, "probe/temperature"), top="2", orderby="phenomenonTime"))["value"][1]
    number = found["@iot.id"]

    assert found["@iot.selfLink"] == f"http://town.example/sta/v1.1/Observations('{number}')"
    for path in (
        f"Observations('{number}')",
        f"Observations({number})",
        f"Datastreams({stream})/Observations({number})",
    ):
        assert await little.get(f"/{path}") == found
    assert await little.get(f"/Observations({number})/result") == {"result": 21.0}
    assert (await little.ask(f"/Observations({number})/result/$value")).text == "21.0"
    assert (await little.get(f"/Observations({number})/Datastream"))["@iot.id"] == stream
    assert (await little.get(f"/Observations({number})/FeatureOfInterest"))["name"] == "The house"
    assert (await little.ask(f"/Observations({number})/resultQuality")).status_code == 204
    assert (await little.ask(f"/Observations({int(number) + 1})")).status_code == 404
    assert await little.results("/Observations", filter=f"id eq {number}") == [21.0]


async def test_quality_and_receipt_are_told(little):
    """An uncertain reading says why; a good one says nothing; when it was received stands beside it."""
    uncertain, good = (await little.get(of(little, "probe/temperature"), top="2"))["value"]

    assert uncertain["resultQuality"] == {
        "level": "uncertain",
        "reason": "imprecise",
        "meaning": Reason.IMPRECISE.meaning,
    }
    assert "resultQuality" not in good
    assert good["parameters"] == {"received": "2026-11-27T12:07:01.000000Z"}


async def test_a_data_array_is_a_table_of_each_datastream(little):
    """The columns that were selected, else all; the next page as a link."""
    path = of(little, "probe/temperature")
    body = await little.get(
        path, resultFormat="dataArray", top="2", select="phenomenonTime,result", count="true"
    )
    everything = await little.get("/Observations", resultFormat="dataArray")
    [table] = body["value"]

    assert body["@iot.count"] == 9
    assert "$resultFormat=dataArray" in body["@iot.nextLink"]
    assert table == {
        "Datastream@iot.navigationLink": f"http://town.example/sta/v1.1{path.removesuffix('/Observations')}",
        "components": ["phenomenonTime", "result"],
        "dataArray@iot.count": 2,
        "dataArray": [["2026-11-27T12:09:00.000000Z", 29.0], ["2026-11-27T12:07:00.000000Z", 27.0]],
    }
    assert sum(one["dataArray@iot.count"] for one in everything["value"]) == 16
    assert everything["value"][0]["components"][:4] == ["id", "phenomenonTime", "resultTime", "result"]


async def test_the_newest_of_many_is_one_question(little, monkeypatch):
    """Expanding the newest observation of every Datastream asks the store as often as of one."""
    asked = counted(little, monkeypatch, "latest")
    little.write("meter/temperature", (600.0, float("nan")))
    body = await little.get(
        "/Things",
        select="name",
        expand="Datastreams($select=name;$expand=Observations($top=1;$select=result))",
    )
    found = {
        one["name"]: [reading["result"] for reading in one["Observations"]]
        for thing in body["value"]
        for one in thing["Datastreams"]
    }

    assert len(asked) == 1
    assert found == {
        "little/probe/temperature": [29.0],
        "little/probe/energy": [],
        "little/probe/pump": ["on"],
        "little/meter/temperature": [-6.0],
        "little/meter/energy": [103.0],
        "little/meter/pump": [],
    }


async def test_a_page_does_not_read_all_of_history(little, monkeypatch):
    """The newest and the oldest page of a long history are read from stretches of it."""
    little.write("probe/energy", *((60.0 * n, float(n)) for n in range(20_000)))
    read = counted(little, monkeypatch, "raw")
    path = of(little, "probe/energy")

    assert await little.results(path, top="3") == [19_999.0, 19_998.0, 19_997.0]
    assert await little.results(path, top="3", orderby="phenomenonTime asc") == [0.0, 1.0, 2.0]
    assert await little.results(path, filter="phenomenonTime lt 2026-11-28T00:00:00Z", top="1") == [719.0]
    assert sum(read) < 500


async def test_times_are_compared_as_they_are_written(little):
    """A reading between two microseconds has the time that is shown of it."""
    little.write("probe/energy", (0.000_000_4, 1.0), (0.000_001_2, 2.0))
    path = of(little, "probe/energy")
    shown = (await little.get(path, top="1"))["value"][0]["phenomenonTime"]

    assert shown == "2026-11-27T12:00:00.000001Z"
    assert await little.results(path, filter=f"phenomenonTime eq {shown}") == [2.0]
    assert await little.results(path, filter=f"phenomenonTime lt {shown}") == [1.0]
    assert await little.results(path, filter=f"phenomenonTime gt {shown}") == []
    assert await little.results(path, filter=f"not (phenomenonTime lt {shown})") == [2.0]
    assert START % NS == 0


async def test_live_readings_are_observed(little):
    """What a device says is there as soon as it is stored."""
    await little.stage.links["meter"].give("temperature", 12.5)
    await little.stage.settled()

    assert await little.results(of(little, "meter/temperature"), top="1") == [12.5]
