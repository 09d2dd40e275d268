"""Conformance class data-array (18-088, annex A.7; clause 12), as far as reading goes."""

from tests.barrio.sta.conformance.requirements import holds


@holds("data-array/data-array")
async def test_reading(little):
    """`$resultFormat=dataArray` gives tables with components, their number of rows, and the Datastream."""
    body = await little.get("/Observations", resultFormat="dataArray")

    for table in body["value"]:
        assert set(table) == {
            "Datastream@iot.navigationLink",
            "components",
            "dataArray@iot.count",
            "dataArray",
        }
        assert table["dataArray@iot.count"] == len(table["dataArray"])
        assert all(len(row) == len(table["components"]) for row in table["dataArray"])
        assert (await little.ask(table["Datastream@iot.navigationLink"])).status_code == 200
