from __future__ import annotations

from pathlib import Path

import pytest

from twin.model.source import Faults, Place
from twin.model.validation import validate
from twin.model.yaml_source import parse_yaml
from twin.notify_spec import ChannelSpec, is_loopback

EMAIL = "email: {to: [a@b.c], from: x@y.z, server: 'smtp.y.z:587'}"


def read(text):
    """Return a channel that is written so, and what is wrong with it."""
    faults = Faults()
    source = parse_yaml(Path("alarms.yaml"), f"id: duty\n{text}\n", faults)
    assert source is not None
    return validate(ChannelSpec, source.data, Place(source, ()), faults), [str(one) for one in faults.found]


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("webhook: https://ops.example.com/barrio?x=1", "webhook"),
        ("webhook: http://127.0.0.1:8080", "webhook"),
        ("webhook: http://localhost/x", "webhook"),
        ("webhook: http://[::1]:80/x", "webhook"),
        ("webhook: ${secret:slack-url}", "webhook"),
        ("webhook: http://10.0.0.7/x\ninsecure: a wire of our own", "webhook"),
        (EMAIL, "email"),
        ("email: {to: [a@b.c], from: x@y.z, server: 'localhost:25', tls: none}", "email"),
        ("apprise: ${secret:phone}", "apprise"),
    ],
)
def test_channels_as_people_write_them(text, way):
    """Each way of a channel, encrypted, on this machine, or with a reason."""
    spec, faults = read(text)

    assert faults == []
    assert spec is not None
    assert spec.way == way


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "lang: en",
            "alarms.yaml:1: (file): a channel has exactly one of webhook, email and apprise, found none",
        ),
        (
            "webhook: https://a.b\napprise: ${secret:x}",
            "alarms.yaml:1: (file): a channel has exactly one of webhook, email and apprise, found webhook and apprise",
        ),
        (
            "webhook: http://10.0.0.7/x",
            "what is sent to 10.0.0.7 could be read on its way: encrypt it, or give a reason",
        ),
        (f"{EMAIL[:-1]}, tls: none}}", "what is sent to smtp.y.z could be read on its way"),
        ("webhook: ftp://a.b", "alarms.yaml:2: webhook: a webhook is a URL such as https://"),
        ("webhook: https://", "a webhook is a URL"),
        ("webhook: 'https://a b'", "a webhook is a URL"),
        ("webhook: https://a.b:99999", "a webhook is a URL"),
        ("webhook: https://user:pass@a.b", "secrets never stand in files"),
        ("apprise: slack://T1/T2/T3", "secrets never stand in files"),
        ("webhook: https://a.b\nsecret: hunter2", "alarms.yaml:3: secret: secrets never stand in files"),
        (
            "apprise: ${secret:x}\nsecret: ${secret:y}",
            "secret signs the deliveries of a webhook, and there is none",
        ),
        ("email: {to: [a@b.c], from: x@y.z, server: smtp.y.z}", "email.server: a mail server is HOST:PORT"),
        ("email: {to: [], from: x@y.z, server: 'a:25'}", "alarms.yaml:2: email.to: must not be empty"),
        ("email: {to: ['A <a@b.c>'], from: x@y.z, server: 'a:25'}", "an address is NAME@HOST"),
        (f"{EMAIL[:-1]}, user: barrio}}", "user and password go together"),
        (
            "webhook: https://a.b\npriorities: [urgent]",
            "alarms.yaml:3: priorities[0]: must be critical, high",
        ),
        ("webhook: https://a.b\non: [rised]", "(did you mean raised?)"),
        ("webhook: https://a.b\nwebhok: x", "unknown key (did you mean webhook?)"),
        ("webhook: https://a.b\nat_most: 0", "at_most: must be greater than or equal to 1"),
        ("webhook: https://a.b\nlang: de", "lang: must be en or es"),
    ],
)
def test_what_is_wrong_with_a_channel_is_said_where_it_stands(text, words):
    """One line with file, line, path and what was probably meant; a secret is never repeated."""
    spec, faults = read(text)

    assert spec is None
    assert any(words in one for one in faults), faults
    assert not any(part in one for part in ("hunter2", "pass@", "T1/T2") for one in faults)


def test_every_secret_of_a_channel_is_found():
    """Also that of the URL and of the mail's user, with the key that it stands at."""
    hook, _ = read("webhook: ${secret:url}\nsecret: ${secret:key}")
    mail, _ = read(f"{EMAIL[:-1]}, user: barrio, password: '${{secret:smtp}}'}}")
    assert hook is not None
    assert mail is not None

    assert list(hook.secrets()) == [("webhook", "url"), ("secret", "key")]
    assert list(mail.secrets()) == [("email.password", "smtp")]


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("LOCALHOST", True),
        ("[::1]", True),
        ("localhost.evil.com", False),
    ],
)
def test_this_machine_is_known_by_its_names(host, here):
    """Only what cannot be somebody else is this machine."""
    assert is_loopback(host) is here
