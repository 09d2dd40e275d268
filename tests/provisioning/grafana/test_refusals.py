"""What goes wrong is one line that names the call and the right that is missing."""

import socket

import pytest

from provisioning.grafana.client import Client, Login
from provisioning.plan import ProvisioningError, apply
from tests.provisioning.grafana_stand_in import ADMIN, EDITOR, PASSWORD, USER, VIEWER, GrafanaStandIn
from tests.servers import LOOPBACK, free_port

pytestmark = pytest.mark.parametrize("grafana", ["12.1.0"], indirect=True)

HTML = b"<!doctype html><title>Sign in</title>"


def error_of(world, **access):
    with pytest.raises(ProvisioningError) as caught:
        world.target(**access).plan()
    line = str(caught.value)
    assert "\n" not in line
    assert "canary" not in line
    return line


@pytest.mark.parametrize(
    ("login", "says", "right"),
    [
        (
            Login(token="glsa_wrong_canary"),
            "Grafana answered 401: Invalid API key",
            "a login that Grafana knows",
        ),
        (
            Login(user="admin", password="canary"),
            "Grafana answered 401: Unauthorized",
            "a login that Grafana knows",
        ),
        (Login(token=VIEWER), "GET /api/", "(the role Admin of the organisation has it)"),
        (Login(token=EDITOR), "GET /api/", "(the role Admin of the organisation has it)"),
    ],
    ids=["wrong token", "wrong password", "viewer", "editor"],
)
def test_a_login_that_may_not_is_told_what_it_lacks(world, login, says, right):
    """A wrong token, a Viewer's and an Editor's: which call was refused, and which right or role is missing."""
    world.login = login
    line = error_of(world)

    assert says in line
    assert "missing: " in line
    assert right in line


def test_a_right_that_is_lacking_only_for_a_change_is_named(world, grafana):
    """Grafana's own name of a permission is in the line, with the basic role that has it."""
    steps = world.plan()
    words = "You'll need additional permissions to perform this action. Permissions needed: any of datasources:create"
    body = b'{"accessErrorId":"ACE1","message":"' + words.encode() + b'","title":"Access denied"}'
    grafana.says = lambda method, path: (
        (403, "application/json", body, {}) if (method, path) == ("POST", "/api/datasources") else None
    )
    outcome = apply(steps)

    assert str(outcome.error) == (
        "POST /api/datasources: Grafana answered 403: You'll need additional permissions to perform this action.; "
        "what is missing: datasources:create (the role Admin of the organisation has it)"
    )


def test_a_403_without_a_name_is_told_from_the_pages(world, grafana):
    """Where Grafana names no permission, the one that its page names for the call stands there."""
    grafana.says = lambda _, path: (
        (403, "application/json", b'{"message":"Access denied"}', {})
        if path.startswith("/api/teams")
        else None
    )

    assert "teams:read (the role Admin of the organisation has it)" in error_of(world)


def test_a_user_with_a_password_will_do(world):
    """A user with a password serves as well as a token, and reprs show neither."""
    world.login = Login(user=USER, password=PASSWORD)

    assert world.plan()
    assert PASSWORD not in repr(world.login)
    assert ADMIN not in repr(Login(token=ADMIN))


@pytest.mark.parametrize("token", ["canary\nsecond line", "canary\0", "canaryñ", " canary"])
def test_a_token_that_no_header_carries_is_not_spelled_out(world, token):
    """HTTP libraries put a header that they refuse into their words: it is refused before them, in words of ours."""
    world.login = Login(token=token)

    assert error_of(world).startswith("BARRIO_GRAFANA_TOKEN: it holds a line break")


@pytest.mark.parametrize("url", ["http://u:canary@host:port", "http://u:canary@[::1", "ftp://u:canary@host"])
def test_a_password_in_an_address_is_not_shown(world, url):
    """Also where the address cannot be taken apart."""
    assert error_of(world, url=url).startswith("BARRIO_GRAFANA: ")


def test_an_old_grafana_is_refused(world, tmp_path):
    """Grafana 10 is refused in one line that says why."""
    with GrafanaStandIn("10.4.2") as old:
        line = error_of(world, url=old.url)

        assert "this is Grafana 10.4.2" in line
        assert "11 or newer" in line
        assert old.writes == []


def test_a_version_that_is_hidden_is_no_obstacle(world, grafana):
    """A Grafana that hides its version is taken as new enough."""
    grafana.says = lambda _, path: (
        (200, "application/json", b'{"database":"ok"}', {}) if path == "/api/health" else None
    )

    assert world.plan()


def test_a_proxy_of_the_environment_is_not_asked(world, monkeypatch):
    """What is meant for Grafana goes to Grafana, whatever proxy the environment names."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{free_port()}")

    assert world.plan()


def test_nobody_there_is_said(world):
    """An address where nothing listens."""
    line = error_of(world, url=f"http://{LOOPBACK}:{free_port()}")

    assert line.startswith("GET /api/health: http://127.0.0.1:")
    assert "cannot be reached" in line


def test_somebody_who_says_nothing_is_waited_for_only_so_long(grafana):
    """A peer that takes the connection and never answers ends in one line after the time that was given."""
    with socket.create_server((LOOPBACK, 0)) as server:
        client = Client(f"http://{LOOPBACK}:{server.getsockname()[1]}", Login(), timeout_s=0.2)
        with pytest.raises(ProvisioningError, match=r"did not answer within 0.2 s"):
            client.get("/api/health")
        client.close()


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_page_instead_of_json_is_said(world, grafana, status):
    """A login page, or a proxy's: what it is, and the question whether the address is right."""
    grafana.says = lambda _method, _path: (status, "text/html; charset=utf-8", HTML, {})
    line = error_of(world)

    assert line == (
        f"GET /api/health: answered {status} with text/html instead of JSON: is this the address of a Grafana?"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/folders/barrio-root",
        "/api/teams/search",
        "/api/datasources",
        "/api/dashboards/uid/barrio-city",
        "/api/v1/provisioning/alert-rules",
    ],
)
@pytest.mark.parametrize("body", [b'"text"', b"[1]", b"[{}]", b"3"])
def test_json_that_grafana_does_not_give_is_said(world, grafana, path, body):
    """Another program's JSON is one line that names the call, and no traceback."""
    grafana.says = lambda _, asked: (
        (200, "application/json", body, {}) if asked.partition("?")[0] == path else None
    )

    assert error_of(world) == (
        f"GET {path}: the answer is not what a Grafana gives: is this the address of one?"
    )


def test_null_is_an_empty_list(world, grafana):
    """Go writes a list that was never made as null."""
    world.apply()
    grafana.says = lambda _, path: (
        (200, "application/json", b"null", {}) if path == "/api/v1/provisioning/contact-points" else None
    )

    assert {step.kind for step in world.plan()} == {"contact point"}


def test_another_program_is_no_grafana(world, grafana):
    """Something else that speaks JSON at that path is told apart."""
    grafana.says = lambda _method, _path: (200, "application/json", b'{"status":"ok"}', {})

    assert error_of(world) == "GET /api/health: what answers is not a Grafana"


def test_a_redirect_is_not_followed(world, grafana):
    """A redirect says where to; the token does not go there."""
    grafana.says = lambda _method, _path: (302, "text/html", b"", {"Location": "https://sso.example/"})

    assert "a redirect to 'https://sso.example/', not followed" in error_of(world)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_grafana_is_asked_again_when_it_says_when(world, grafana, status):
    """A GET that is to be asked again in a moment is; a write never is."""
    busy = (status, "application/json", b'{"message":"busy"}', {"Retry-After": "0"})
    left = {"GET /api/datasources": 2, "POST /api/folders": 1}

    def says(method, path):
        call = f"{method} {path}"
        if left.get(call, 0) > 0:
            left[call] -= 1
            return busy
        return None

    grafana.says = says
    steps = world.plan()
    outcome = apply(steps)

    assert left["GET /api/datasources"] == 0
    assert str(outcome.error) == f"POST /api/folders: Grafana answered {status}: busy"


def test_a_grafana_that_stays_busy_is_given_up(world, grafana):
    """A few tries are enough."""
    grafana.says = lambda _method, _path: (
        503,
        "application/json",
        b'{"message":"busy"}',
        {"Retry-After": "0"},
    )

    assert error_of(world) == "GET /api/health: Grafana answered 503: busy"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://me:canary@grafana:3000", "give BARRIO_GRAFANA_TOKEN instead"),
        ("grafana:3000", "meant is http://HOST:3000"),
        ("http://grafana:port", "is not the address of a Grafana"),
    ],
)
def test_an_address_that_is_none_is_said(world, url, says):
    """What is no address of a Grafana, and one with a password in it."""
    assert says in error_of(world, url=url)
