"""Sessions with servers that have security on: every policy and mode as every kind of user, and what is refused."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from asyncua import ua
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.access import Access
from connectors.opcua.certificates import thumbprint
from connectors.opcua.folders import REJECTED, TRUSTED, trust, untrust
from connectors.opcua.own import load_own, make
from connectors.opcua.security import POLICIES, Door, RefusedError, choose
from tests.connectors.opcua.answers import answers
from tests.connectors.opcua.pki import (
    DER,
    EVERY_POLICY,
    SERVER_URI,
    Identity,
    SecureBms,
    Users,
    identity,
    key_of,
)
from tests.connectors.opcua.servers import URI
from tests.connectors.opcua.sinks import PatientSink
from twin.errors import TransientError

VARIABLES = {"AHU.Supply": ua.Variant(21.5, ua.VariantType.Double)}
QUICK = {"publishing": "50ms", "sampling": "10ms", "keep_alive": "1s", "timeout": "10s", "namespace": URI}
SECRET = "open sesame"
SERVER = identity()
USER = identity("urn:barrio:test:user", name="user", use=ExtendedKeyUsageOID.CLIENT_AUTH)
SIGN, ENCRYPT = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt


@pytest.fixture(scope="module")
def bms():
    with SecureBms(VARIABLES, SERVER, users=Users(USER.certificate)) as server:
        yield server


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with an application certificate of ours: making the key takes long."""
    folder = tmp_path_factory.mktemp("opcua")
    make(folder, "urn:barrio:test:client", ["localhost"])
    return folder


@pytest.fixture
def home(keys, tmp_path):
    """A home with our certificate, that trusts nobody yet."""
    (tmp_path / "own").symlink_to(keys / "own")
    return Home(tmp_path, {"bms": SECRET, "wrong": "guess"}.__getitem__)


def trusting(home, *identities):
    folder = home.folder / TRUSTED
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(identities):
        (folder / f"{number}.der").write_bytes(one.certificate.public_bytes(DER))
    return home


def link_to(endpoint, home, **options):
    one = device(connector, endpoint, {"supply": {"node": "s=AHU.Supply"}}, options={**QUICK, **options})
    (link,) = connector.links([bind(one)], home)
    return link


async def value_through(link):
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)
        security = link.security
    return next(sink.readings()).value, security


async def refusal(link):
    with pytest.raises(TransientError) as caught:
        await link.run(PatientSink())
    return caught.value.words


@pytest.mark.parametrize("login", ["anonymous", "user operator", "user certificate"])
@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", POLICIES)
async def test_every_policy_in_every_mode_as_everybody(bms, home, tmp_path, policy, mode, login):
    """A value arrives over each policy, signed and encrypted, as nobody, by password and by certificate."""
    certificate, key = USER.write(tmp_path, "user")
    logins = {
        "anonymous": {},
        "user operator": {"user": "operator", "password": "${secret:bms}"},
        "user certificate": {"user_certificate": certificate, "user_key": key},
    }
    bms.users.seen.clear()
    link = link_to(bms.endpoint, trusting(home, SERVER), policy=policy, security=mode, **logins[login])
    value, security = await value_through(link)

    assert (value, security) == (21.5, f"{mode} {policy}, {login}")
    assert bms.users.seen == [{"user operator": "name", "user certificate": "certificate"}.get(login, login)]


async def test_the_strongest_policy_is_taken_where_none_is_asked_for(bms, home):
    """Without a policy in the profile, the strongest one of the server is used, with encryption."""
    value, security = await value_through(link_to(bms.endpoint, trusting(home, SERVER)))

    assert (value, security) == (21.5, "SignAndEncrypt Aes256_Sha256_RsaPss, anonymous")


async def test_an_unknown_server_is_refused_until_a_person_trusts_it(bms, home):
    """The refusal names the thumbprint and the command; after that the server is read, and not after untrusting."""
    link = link_to(bms.endpoint, home)
    words = await refusal(link)
    print_ = thumbprint(SERVER.certificate)

    assert words.startswith("the server's certificate (CN=server) is refused: nobody trusts it yet")
    assert words.endswith(f"`barrio certs opcua --trust {print_}`")
    assert [path.stem for path in (home.folder / REJECTED).iterdir()] == [print_]

    trust(home.folder, print_[:16].upper())
    assert (await value_through(link))[0] == 21.5

    untrust(home.folder, print_)
    assert "nobody trusts it yet" in await refusal(link)


async def test_a_server_without_encryption_is_refused_with_what_to_do(home):
    """An endpoint without security is not used unless the profile says why."""
    with SecureBms(VARIABLES, SERVER, [ua.SecurityPolicyType.NoSecurity]) as plain:
        words = await refusal(link_to(plain.endpoint, home))
        value, security = await value_through(link_to(plain.endpoint, home, insecure="a network of its own"))

    assert words == (
        "the server offers only None; SignAndEncrypt with one of Aes256_Sha256_RsaPss, Basic256Sha256, "
        "Aes128_Sha256_RsaOaep was asked for: switch security on in the server, or say why not with `insecure: REASON`"
    )
    assert (value, security) == (21.5, "none: a network of its own")


async def test_without_a_certificate_of_ours_the_command_is_named(bms, tmp_path):
    """A machine that has no certificate yet is told how to make one."""

    assert "make one with `barrio certs opcua`" in await refusal(link_to(bms.endpoint, Home(tmp_path)))


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"ends": timedelta(hours=-1)}, "it has expired on "),
        ({"starts": timedelta(hours=1)}, "it is not valid before "),
        ({"uri": "urn:somebody:else"}, "it is of application 'urn:somebody:else', the server calls itself "),
        ({"hosts": ["10.9.8.7", "plc.example"]}, "it is of plc.example, 10.9.8.7, not of 127.0.0.1 (option "),
        ({"hosts": []}, "it is of no host, not of 127.0.0.1"),
        ({"bits": 1024}, "its key has 1024 bits, 2048 is the least"),
        ({"sha1": True}, "it is signed with sha1, which can be forged"),
        ({"use": ExtendedKeyUsageOID.CLIENT_AUTH}, "it is not a server's, by its extended key usage"),
        ({"signs": False}, "its key usage allows no signatures or no encryption"),
    ],
)
async def test_a_certificate_with_a_fault_is_refused_even_where_it_is_trusted(home, shown, words):
    """Trust does not make up for what is wrong with a certificate, and no secured channel is opened with it."""
    bad = identity(**shown)
    with SecureBms(VARIABLES, bad, [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]) as server:
        said = await refusal(link_to(server.endpoint, trusting(home, bad)))

    assert words in said
    assert "nobody trusts it" not in said


async def test_a_certificate_without_its_key_opens_no_channel(home):
    """Who shows the trusted certificate of another server, without its key, gets no session and no login."""
    thief = Identity(SERVER.certificate, key_of(2048, 99))
    with SecureBms(VARIABLES, thief, EVERY_POLICY) as server:
        link = link_to(server.endpoint, trusting(home, SERVER), timeout="500ms")

        assert await refusal(link)
        assert server.users.seen == []


async def test_a_certificate_may_name_another_host_where_the_profile_says_so(home):
    """With `certificate_host`, the certificate is compared with that name instead of the endpoint's."""
    elsewhere = identity(hosts=["plc.example"])
    with SecureBms(VARIABLES, elsewhere, EVERY_POLICY) as server:
        link = link_to(server.endpoint, trusting(home, elsewhere), certificate_host="plc.example")

        assert (await value_through(link))[0] == 21.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"user": "operator", "password": "${secret:wrong}"}, "the server refused: BadUserAccessDenied"),
        ({"policy": "Aes128_Sha256_RsaOaep"}, "the server offers only Basic256Sha256 SignAndEncrypt; "),
        ({"security": "Sign"}, "the server offers only Basic256Sha256 SignAndEncrypt; Sign with one of "),
        ({"user_certificate": "u.der", "user_key": "u.pem"}, "u.der: No such file or directory"),
    ],
)
async def test_what_the_server_does_not_take_is_said_without_secrets(home, options, words, caplog):
    """Wrong passwords, missing files and policies that the server lacks end in words that hold no secret."""
    caplog.set_level(logging.DEBUG)
    only = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    with SecureBms(VARIABLES, SERVER, only, Users(USER.certificate)) as server:
        said = await refusal(link_to(server.endpoint, trusting(home, SERVER), **options))

    assert words in said
    assert "guess" not in said + caplog.text


def offered(policy, mode, uri=SERVER_URI, kind=""):
    return ua.EndpointDescription(
        Server=ua.ApplicationDescription(ApplicationUri=uri),
        ServerCertificate=SERVER.der,
        SecurityMode=mode,
        SecurityPolicyUri=f"http://opcfoundation.org/UA/SecurityPolicy#{policy}",
        TransportProfileUri=kind,
    )


@pytest.mark.parametrize(
    ("offers", "options", "chosen"),
    [
        ([("Basic256Sha256", ENCRYPT), ("Aes256_Sha256_RsaPss", ENCRYPT)], {}, "Aes256_Sha256_RsaPss"),
        ([("Aes128_Sha256_RsaOaep", ENCRYPT), ("Basic256Sha256", ENCRYPT)], {}, "Basic256Sha256"),
        ([("Aes256_Sha256_RsaPss", SIGN), ("Basic256Sha256", ENCRYPT)], {}, "Basic256Sha256"),
        (
            [("Aes256_Sha256_RsaPss", SIGN), ("Basic256Sha256", ENCRYPT)],
            {"mode": "Sign"},
            "Aes256_Sha256_RsaPss",
        ),
        ([("Basic256", ENCRYPT), ("Basic128Rsa15", ENCRYPT), ("None", SIGN)], {}, None),
        ([("Basic256Sha256", SIGN)], {}, None),
        ([("Basic256Sha256", ENCRYPT, SERVER_URI, "https")], {}, None),
        ([], {}, None),
    ],
)
def test_never_weaker_than_asked_for(offers, options, chosen):
    """Of what a server offers, the strongest allowed is chosen; old policies and other transports never are."""
    access = Access(**options)
    endpoints = [offered(*one) for one in offers]
    if chosen is None:
        with pytest.raises(RefusedError, match=r"the server offers"):
            choose(endpoints, access)
    else:
        assert choose(endpoints, access).policy == chosen


async def test_an_offer_that_was_weakened_on_the_way_is_noticed(home):
    """When the secured session offers more than was offered before it, somebody took the difference out."""
    before = [offered("Aes128_Sha256_RsaOaep", ENCRYPT)]
    door = Door(Access(), trusting(home, SERVER), "opc.tcp://127.0.0.1:4840")
    await door.approve(before)
    door.compare(before)

    with pytest.raises(TransientError, match="somebody in between changed the list of endpoints"):
        door.compare([*before, offered("Aes256_Sha256_RsaPss", ENCRYPT)])
    with pytest.raises(TransientError, match="the server offers no endpoint"):
        door.compare([])


@pytest.mark.parametrize(
    ("mode", "policy", "words"),
    [
        ("Sign", "None", "the server wants the password unencrypted: it was not sent"),
        (
            "SignAndEncrypt",
            "Basic128Rsa15",
            "the server wants the login with 'Basic128Rsa15', which is not safe",
        ),
    ],
)
async def test_a_password_goes_nowhere_where_it_could_be_read(bms, home, mode, policy, words):
    """A server may want the login with less than the channel has; then it is not sent."""

    def weak(response):
        for endpoint in response.Parameters.ServerEndpoints:
            for token in endpoint.UserIdentityTokens:
                token.SecurityPolicyUri = f"http://opcfoundation.org/UA/SecurityPolicy#{policy}"
        return response

    login = {"user": "operator", "password": "${secret:bms}"}
    bms.users.seen.clear()
    with answers(bms, ua.CreateSessionResponse, weak):
        said = await refusal(link_to(bms.endpoint, trusting(home, SERVER), security=mode, **login))

    assert said == words
    assert bms.users.seen == []


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"insecure": "x", "user": "a"}, ("options.user", "a login needs an encrypted channel")),
        (
            {"insecure": "x", "user_certificate": "c", "user_key": "k"},
            ("options.user_certificate", "a login needs an encrypted channel"),
        ),
        ({"insecure": "  "}, ("options.insecure", "wants a reason in words")),
        ({"password": "${secret:bms}"}, ("options.password", "a password without `user`")),
        ({"user_key": "k"}, ("options.user_certificate", "a certificate and its key belong together")),
        ({"user_certificate": "c"}, ("options.user_key", "a certificate and its key belong together")),
        (
            {"user": "a", "user_certificate": "c", "user_key": "k"},
            ("options.user_certificate", "a login is by name or by certificate"),
        ),
    ],
)
def test_options_that_contradict_each_other_are_faults(options, fault):
    """A login without encryption, half a login or two of them are refused before anything connects."""
    one = device(connector, "opc.tcp://h", {"a": {"node": "i=1"}}, options=options)
    ((path, words),) = connector.check(one)

    assert path == fault[0]
    assert words.startswith(fault[1])


async def test_no_password_is_sent_without_encryption(bms, home):
    """Even where no check has refused it, a login over an open channel is not tried."""
    with SecureBms(VARIABLES, SERVER, [ua.SecurityPolicyType.NoSecurity]) as plain:
        link = link_to(plain.endpoint, home, insecure="x", user="operator", password="${secret:bms}")

        assert await refusal(link) == "a login needs an encrypted channel: nothing was sent"
        assert plain.users.seen == []


def test_health_tells_how_a_server_will_be_spoken_to(tmp_path):
    """Before it connects, a link says what was asked for; never a name of a secret."""
    home = Home(tmp_path)
    endpoint = "opc.tcp://h"

    assert (
        link_to(endpoint, home).security
        == "SignAndEncrypt with the strongest policy that is offered, anonymous"
    )
    assert link_to(endpoint, home, insecure="a lab").security == "none: a lab"
    login = {"user": "op", "password": "${secret:bms}", "policy": "Basic256Sha256"}
    assert link_to(endpoint, home, **login).security == "SignAndEncrypt Basic256Sha256, user op"


def test_devices_with_another_login_get_a_session_of_their_own(tmp_path):
    """Two devices behind one endpoint share a session only where they say the same about security."""
    logins = ({"user": "a"}, {"user": "b"}, {"user": "a"})
    devices = [
        bind(device(connector, "opc.tcp://h", {"x": {"node": "i=1"}}, name=f"d{at}", options=one))
        for at, one in enumerate(logins)
    ]

    assert [len(link.devices) for link in connector.links(devices, Home(tmp_path))] == [2, 1]


async def test_a_wrong_password_is_tried_ever_less_often(bms, home):
    """Each refusal asks for a longer wait, so that nobody is locked out; with the right one they are forgotten."""
    secrets = {"bms": "guess"}
    guarded = Home(trusting(home, SERVER).folder, secrets.__getitem__)
    link = link_to(bms.endpoint, guarded, user="operator", password="${secret:bms}")
    waits = []
    for secret in ("guess", "guess", "guess", SECRET, "guess"):
        secrets["bms"] = secret
        if secret == SECRET:
            await value_through(link)
            continue
        with pytest.raises(TransientError) as caught:
            await link.run(PatientSink())
        waits.append(caught.value.retry_after_s)

    assert waits == [30.0, 60.0, 120.0, 30.0]


async def test_trust_that_is_withdrawn_ends_the_session(bms, home):
    """A server that is trusted no more is left while it is connected, with what to do in the words."""
    link = link_to(bms.endpoint, trusting(home, SERVER), recheck="200ms")
    sink = PatientSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.frames)
        untrust(home.folder, thumbprint(SERVER.certificate))
        await sink.wait_for(lambda: sink.downs)

    assert "nobody trusts it yet" in sink.downs[0].words


async def test_certificates_may_be_renewed_while_it_runs(home):
    """Our new certificate is shown at the next connect; a server's new one is refused until somebody trusts it."""
    renewed = identity()
    with SecureBms(VARIABLES, SERVER) as server:
        link = link_to(server.endpoint, trusting(home, SERVER))
        await value_through(link)
        (home.folder / "own").unlink()
        made = make(home.folder, "urn:barrio:test:renewed", ["localhost"])
        await value_through(link)
        port = server.port
    with SecureBms(VARIABLES, renewed, port=port):
        words = await refusal(link)
        trust(home.folder, thumbprint(renewed.certificate))
        value, _ = await value_through(link)

    assert load_own(home.folder).uri == "urn:barrio:test:renewed"
    assert thumbprint(load_own(home.folder).certificate) == made.thumbprint
    assert words.endswith(f"--trust {thumbprint(renewed.certificate)}`")
    assert value == 21.5
