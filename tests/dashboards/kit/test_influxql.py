"""What people write in their files stays a value in a query."""

import pytest

from dashboards.kit.influxql import Query, apart, name, one_of, picked, select, value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "'plain'"),
        ("it's", "'it\\'s'"),
        ("a\\", "'a\\\\'"),
        ("'; DROP DATABASE x", "'\\'; DROP DATABASE x'"),
    ],
)
def test_a_value_cannot_end_its_quotes(text, written):
    """Quotes and backslashes are escaped."""

    assert value(text) == written


def test_a_value_that_grafana_would_read_is_refused_or_matched_by_its_shape():
    """`$` cannot be escaped, neither for Grafana nor for InfluxQL."""
    with pytest.raises(ValueError, match="cannot stand in a query"):
        value("${__user}")

    assert one_of("kind", ["Tank", "a$b/c"]) == '("kind" = \'Tank\' OR "kind" =~ /^a.b.c$/)'


def test_names_are_quoted():
    """A field may be called anything."""

    assert name('state_s:"on"') == '"state_s:\\"on\\""'


def test_a_variable_of_several_values_is_a_regular_expression_and_one_of_one_value_is_not():
    """`All` is `.*`; a device is compared, so that the index is used."""

    assert picked("site", "site") == '"site" =~ /^${site:regex}$/'
    assert picked("device", "=device") == '"device" = ${device:singlequote}'


def test_a_query_is_put_together_in_order():
    """Columns, source, conditions, groups, fill, and what comes last."""
    inner = select('mean("value") AS "v"', "power", ("$timeFilter",), by=("time(1d)", "device"))

    assert select(
        'sum("v")', f"({inner})", ("$timeFilter",), by=("time(1d)",), fill="none", tail="tz('UTC')"
    ) == (
        'SELECT sum("v") FROM (SELECT mean("value") AS "v" FROM "power" WHERE $timeFilter GROUP BY time(1d), "device") '
        "WHERE $timeFilter GROUP BY time(1d) fill(none) tz('UTC')"
    )


def test_a_target_is_read_as_it_was_written():
    """Keys of Grafana's InfluxDB data source; none of them is lost."""
    query = Query("A", "uid", "SELECT 1", "table", "name", {"fromAnnotations": True, "textColumn": "text"})
    written = query.to_json()
    written["datasource"] = {"type": "influxdb", "uid": "uid"}

    assert Query.from_json(written).to_json().keys() == written.keys()


@pytest.mark.parametrize(
    "query",
    [
        'SELECT 100 * sum("v") / sum("g") FROM "m" WHERE "device" =~ /^a$/ AND $__interval >= 15m AND $__interval < 1h',
        'SELECT 1 - count("v") / ($__interval_ms * 3) FROM "m" GROUP BY time($__interval), "a" tz(\'America/Merida\')',
        'SELECT 1 FROM "m" WHERE "a" = \'x/y\' AND $__interval < 15m',
    ],
)
def test_no_slash_stands_on_the_line_of_an_interval(query):
    """Grafana reads all between two slashes of a line as a regular expression, and escapes the interval in it."""
    written = apart(query)

    assert [one for one in written.splitlines() if "$__interval" in one and "/" in one] == []
    assert " ".join(written.split()) == query
    assert apart(written) == written
