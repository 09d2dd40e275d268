"""Endpoints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.model.protocol import Endpoint, parse_endpoint

SCHEMES = {"modbus+tcp": 502, "coap": 5683}


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("modbus+tcp://10.20.0.11:1502/1", Endpoint("modbus+tcp", "10.20.0.11", 1502, "/1")),
        ("modbus+tcp://plc", Endpoint("modbus+tcp", "plc", 502)),
        (" coap://[fe80::1%eth0]/a?b=c ", Endpoint("coap", "[fe80::1%eth0]", 5683, "/a?b=c")),
        ("coap://lamp_1.street.example/", Endpoint("coap", "lamp_1.street.example", 5683, "/")),
    ],
)
def test_parse(text, endpoint):
    """The scheme gives the port that was left out; an IPv6 address keeps its brackets."""

    assert parse_endpoint(text, SCHEMES) == endpoint


def test_words_say_what_was_meant():
    """Each protocol's own form is offered."""
    with pytest.raises(ValueError, match=r"expected modbus\+tcp://HOST:502 or coap://HOST:5683"):
        parse_endpoint("http://x", SCHEMES)


def test_passwords_are_not_repeated():
    """What may be a secret is refused without being shown."""
    with pytest.raises(ValueError, match="never stand in an endpoint") as caught:
        parse_endpoint("coap://root:hunter2@lamp", SCHEMES)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lamp",
        "coap://",
        "coap:///x",
        "coap://a:0",
        "coap://a:65536",
        "coap://a:٣",
        "coap://1.2.3",
        "coap://[:::]",
        "coap://a b",
        "coap://a\n/",
        "COAP://a",
        "coap://[::1",
        "coap://" + "a" * 300,
        "coap://a/é",
    ],
)
def test_what_is_no_endpoint(text):
    """Anything that cannot be dialled is refused before it is."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ, that they come is the point
        parse_endpoint(text, SCHEMES)


@given(
    st.sampled_from(sorted(SCHEMES)),
    st.ip_addresses() | st.just("plc-1"),
    st.integers(1, 65535),
    st.text("a/1-"),
)
def test_written_and_read_again(scheme, host, port, path):
    """An endpoint as written is read as the same endpoint."""
    name = f"[{host}]" if ":" in str(host) else str(host)
    endpoint = Endpoint(scheme, name, port, f"/{path}" if path else "")

    assert parse_endpoint(str(endpoint), SCHEMES) == endpoint
    assert str(endpoint) == endpoint.peer + endpoint.path
    assert endpoint.at("elsewhere", 1).path == endpoint.path
