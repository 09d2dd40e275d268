"""Panels by the clock: what they look like, and what becomes of hours in Grafana's browser."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboards.kit.clock import Clock
from dashboards.kit.days import against, hours_of_the_week, largest
from dashboards.kit.inventory import Inventory
from dashboards.kit.panels import Column as Shown
from dashboards.kit.series import Told
from dashboards.kit.texts import same
from dashboards.preview.frames import Column, Frame
from dashboards.preview.transform import NotKnown, name_of, transformed

ZONE = ZoneInfo("America/Mexico_City")
MONDAY = datetime(2026, 3, 2, tzinfo=ZONE)


@pytest.fixture(scope="module")
def clock(maderas):
    return Clock(Inventory(maderas))


@pytest.fixture(scope="module")
def energy(clock):
    return clock.inventory.points("active_energy_import")


def test_two_weeks_of_hours_become_one_table_of_a_week(clock, energy):
    """A column for each day from Monday on, a row for each hour of the district's clock, the mean in each cell."""
    panel = hours_of_the_week(clock, energy, same("hours"), about=same("…"), lang="es", unit="kwatth")
    hours = [MONDAY + timedelta(days=3) + timedelta(hours=number) for number in range(24 * 14)]
    values = [
        when.isoweekday() * 100 + when.hour + (1 if when >= MONDAY + timedelta(days=10) else 0)
        for when in hours
    ]
    columns = [
        Column("Time", "time", [int(when.timestamp() * 1000) for when in hours]),
        Column("amount", "number", values, title="amount"),
    ]

    [table] = transformed([Frame("", "A", columns)], panel.transformations)

    assert [name_of(one) for one in table.columns] == [
        "Hora",
        "Lun",
        "Mar",
        "Mié",
        "Jue",
        "Vie",
        "Sáb",
        "Dom",
    ]
    assert list(table.columns[0].values) == [f"{hour:02}" for hour in range(24)]
    assert list(table.columns[1].values) == [100 + hour + 0.5 for hour in range(24)]
    assert table.columns[7].values[23] == 723.5


def test_what_pictures_do_not_draw_is_said():
    """A picture that shows something else than Grafana would be worse than none."""
    step = {"id": "extractFields", "options": {"source": "Time", "format": "json"}}

    with pytest.raises(NotKnown):
        transformed([Frame("", "A", [Column("Time", "time", [0])])], [step])


def test_a_table_without_the_columns_is_left_as_it_is():
    """So does Grafana."""
    frame = Frame("", "A", [Column("Time", "time", [0])])
    step = {
        "id": "groupingToMatrix",
        "options": {"columnField": "day", "rowField": "hour", "valueField": "x"},
    }

    assert transformed([frame], [step]) == [frame]


def test_the_week_before_is_a_line_over_the_bars(clock, energy):
    """Both are told apart without colours."""
    panel = against(clock, energy, same("days"), about=same("…"), lang="es")
    [override] = panel.make().build().field_config.overrides

    assert override.matcher.options == "una semana antes"
    assert {one.id_val: one.value for one in override.properties}["custom.drawStyle"] == "line"
    assert [one.resolutions[0].value for one in panel.reads if isinstance(one, Told)] == [
        "1h",
        "1d",
        "1h",
        "1d",
    ]


@pytest.mark.parametrize(("width", "columns"), [(9, ["device", "site", "amount"]), (5, ["device", "amount"])])
def test_a_narrow_table_has_no_room_for_places(clock, energy, width, columns):
    """Three columns in a fifth of a page cut the names of all of them."""
    amount = Shown(title=same("kWh"))

    assert (
        list(largest(clock, energy, same("most"), about=same("…"), amount=amount, width=width).columns)
        == columns
    )
