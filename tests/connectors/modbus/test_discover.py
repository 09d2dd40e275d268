"""Looking at unknown devices: what is found, what the draft says, and that nothing a device does is without end."""

import asyncio
import struct
import time

import pytest
import yaml

from connectors.conformance.readme import profile_faults
from connectors.home import Home
from connectors.modbus import asker, connector, discover
from tests.connectors.modbus.bank import Bank, on_a_line, over_tcp, rtu_over_tcp
from tests.connectors.modbus.servers import HANG_UP, LOOPBACK, constant, scripted, simulated
from tests.connectors.modbus.test_identity import EXAMPLE
from tests.servers import free_port
from twin.errors import TransientError
from twin.model.protocol import parse_endpoint

HOLDING, INPUT, IDENTIFY = 3, 4, 43


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(asker, "PAUSE_S", 0.0)


async def look(port, *, scheme="modbus+tcp", unit="1", **options):
    endpoint = parse_endpoint(f"{scheme}://{LOOPBACK}:{port}/{unit}", connector.schemes)
    options = {"timeout": 0.3, **options}
    async with asyncio.timeout(60):
        return await connector.discover(endpoint, options, Home())


def having(registers, function=HOLDING):
    """Return a script that refuses every read of the table that covers a register which it does not have."""

    def script(asked):
        wanted = range(asked.address, asked.address + asked.count)
        if asked.function != function:
            return asked.refusal(1)
        if not all(at in registers for at in wanted):
            return asked.refusal(2)
        return asked.registers(*(registers[at] for at in wanted))

    return script


def sunspec(*models, base=40000, texts=(b"Maker", b"Model 5")):
    """Return the registers of a chain of models (number, length) behind a model 1."""
    words = b"SunS" + struct.pack(">HH", 1, 66) + b"".join(text.ljust(32, b"\0") for text in texts)
    words = words.ljust(4 + 4 + 2 * 66, b"\0")
    for number, length in models:
        words += struct.pack(">HH", number, length) + bytes(2 * length)
    words += struct.pack(">HH", 0xFFFF, 0)
    return {base + at: word for at, (word,) in enumerate(struct.iter_unpack(">H", words))}


def points_of(draft):
    return yaml.safe_load(draft.text)["points"]


def faults_of(draft):
    """Return what the check finds, apart from the quantities that a person chooses."""
    return [words for words in profile_faults(draft.text, connector) if ".quantity: " not in words]


async def test_what_answers_is_found_to_the_register():
    """Ranges at the beginning and at a round address, with points for what is not empty."""
    registers = dict.fromkeys(range(10, 38), 7) | dict.fromkeys(range(3000, 3099), 0) | {3050: 40000}
    async with scripted(having(registers)) as server:
        draft = await look(server.port)

    assert "# holding:10 to 37 answers" in draft.text
    assert "# holding:3000 to 3098 answers" in draft.text
    assert "# input: is not there, exception 1: illegal function" in draft.text
    assert points_of(draft).keys() == {*(f"holding_{at}" for at in range(10, 38)), "holding_3050"}
    assert "was 40000 (0x9C40, -25536" in draft.text
    assert faults_of(draft) == []


async def test_the_quantity_is_left_to_choose():
    """A draft does not pass the check before a person has said what its registers are."""
    async with scripted(having({0: 5})) as server:
        draft = await look(server.port)

    assert profile_faults(draft.text, connector) == [
        "points.holding_0.quantity: there is no quantity 'CHOOSE': docs/quantities.md lists those that there are"
    ]


async def test_all_four_tables_of_a_server_of_others():
    """A server by pymodbus, whose tables are short."""
    async with simulated([11] * 40, [22] * 10, [True] * 20, [False] * 9) as port:
        draft = await look(port)

    # It keeps bits in whole registers.
    for range_of in ("holding:0 to 39", "input:0 to 9", "coil:0 to 31", "discrete:0 to 15"):
        assert f"# {range_of} answers" in draft.text
    assert {"holding_39", "input_9", "coil_19", "discrete_0"} <= points_of(draft).keys()
    assert faults_of(draft) == []


@pytest.mark.parametrize("base", [40000, 50000, 0])
async def test_a_sunspec_device_gets_the_profile_of_the_library(base):
    """The draft is a variant of it that passes the check, moved where the map begins elsewhere."""
    async with scripted(having(sunspec((103, 50), (64110, 12), base=base))) as server:
        draft = await look(server.port)

    profile = yaml.safe_load(draft.text)
    moved = {"register": f"holding:{base + 84}", "scale_factor": f"holding:{base + 85}"}
    assert profile["extends"] == "sunspec-inverter-103-modbus"
    assert profile.get("points", {}).get("power", moved) == moved
    assert ("points" in profile) is (base != 40000)
    assert f"#   model 64110, holding:{base + 122} to {base + 135}\n" in draft.text
    assert any("vendor Maker, model Model 5" in remark for remark in draft.remarks)
    assert profile_faults(draft.text, connector) == []


async def test_several_models_of_the_library():
    """The second is remarked: a device of its own."""
    async with scripted(having(sunspec((103, 50), (203, 105)))) as server:
        draft = await look(server.port)

    assert any(
        "model 203 is read by profile sunspec-meter-203-modbus, its registers moved by 52" in remark
        for remark in draft.remarks
    )


@pytest.mark.parametrize(
    ("registers", "words"),
    [
        (sunspec(*[(7, 0)] * 100), "does not end after 64"),
        (sunspec() | {40070: 103, 40071: 60000}, "says that it has 60000 registers"),
        ({at: word for at, word in sunspec((103, 50)).items() if at < 40100}, "should begin a model"),
    ],
)
async def test_a_chain_that_is_none(registers, words):
    """Chains without end, beyond the last register, or cut off, end the walk with a remark."""
    async with scripted(having(registers)) as server:
        draft = await look(server.port)

    assert any(words in remark for remark in draft.remarks)
    assert faults_of(draft) == []


async def test_what_the_device_says_of_itself():
    """By Read Device Identification, in several answers, over TCP; what no terminal shows is not passed on."""
    parts = {
        b"\x2b\x0e\x01\x00": EXAMPLE[:4] + b"\xff\x02" + EXAMPLE[6:],
        b"\x2b\x0e\x01\x02": EXAMPLE[:4] + b"\x00\x00\x01\x02\x06V3\n: #\x1b",
    }
    bank = Bank(knows=frozenset({HOLDING}))
    bank.spoil = lambda _, pdu: parts.get(bank.asked[-1][1], pdu)
    async with over_tcp(bank) as port:
        draft = await look(port)

    remark = next(remark for remark in draft.remarks if "says that it is" in remark)
    assert "vendor Company identification, product code Product code XX" in remark
    assert remark.isprintable()
    assert "Company identification" in yaml.safe_load(draft.text)["source"]


async def test_on_lines():
    """RTU over TCP and a serial line, on which a device meets function 43 with silence."""
    bank = Bank(registers=[3] * 20, knows=frozenset({3}))
    bank.spoil = lambda unit, pdu: None if pdu[0] == IDENTIFY | 0x80 else pdu
    async with rtu_over_tcp(bank) as port:
        over_tcp_draft = await look(port, scheme="modbus+rtu+tcp")
    with on_a_line(bank) as terminal:
        endpoint = parse_endpoint(f"modbus+rtu://{terminal.path}/1", connector.schemes)
        async with asyncio.timeout(60):
            options = {"timeout": 0.3, "baudrate": 115200}
            on_line_draft = await connector.discover(endpoint, options, Home())

    for draft in (over_tcp_draft, on_line_draft):
        assert "# holding:0 to 19 answers" in draft.text
        assert "holding_19" in points_of(draft)
    assert yaml.safe_load(on_line_draft.text)["options"] == options


@pytest.mark.parametrize("path", ["/dev/../etc/passwd/1", "/dev/ttyUSB0", "/etc/passwd/1", "/dev/./x/1"])
async def test_nothing_outside_dev_is_opened(path):
    """An endpoint that is no serial line is refused before anything is opened."""
    endpoint = parse_endpoint(f"modbus+rtu://{path}", connector.schemes)

    with pytest.raises(TransientError, match=r"modbus\+rtu:///dev/NAME/UNIT|after the device file"):
        await connector.discover(endpoint, {}, Home())


async def test_a_device_that_is_away():
    """No connection, no answer, or a gateway's word that the unit does not answer: the look fails with the reason."""
    with pytest.raises(TransientError, match="connection refused"):
        await look(free_port())
    async with scripted(lambda _: None) as server:
        with pytest.raises(TransientError, match=r"no answer within 0\.2 s"):
            await look(server.port, timeout=0.2)
    async with scripted(lambda asked: asked.refusal(11)) as server:
        with pytest.raises(TransientError, match="exception 11"):
            await look(server.port)


async def test_a_device_that_refuses_everything():
    """The draft has no points, and says what may be the matter."""
    async with scripted(lambda asked: asked.refusal(2)) as server:
        draft = await look(server.port)

    assert points_of(draft) == {}
    assert any("no register answers" in remark for remark in draft.remarks)
    assert len(server.asked) <= asker.MOST_REQUESTS


async def test_a_device_that_answers_everywhere():
    """It says nothing by answering: only the first thousand of each table are looked at."""
    async with scripted(constant({5: 7})) as server:
        draft = await look(server.port)

    assert points_of(draft).keys() == {"holding_5", "input_5", "coil_0", "discrete_0"} - _bits(draft)
    assert draft.text.count("answers nearly everywhere") >= 2


def _bits(draft):
    """Coils are answered by registers here, which is a wrong reply: they are left alone."""
    return {"coil_0", "discrete_0"} if "# coil: left alone" in draft.text else set()


async def test_a_device_that_hangs_up_after_each_answer():
    """Some do: a new connection for each request finds the same."""
    turn = [0]

    def script(asked):
        turn[0] += 1
        return HANG_UP if turn[0] % 2 == 0 else inner(asked)

    inner = having(dict.fromkeys(range(5), 3))
    async with scripted(script) as server:
        draft = await look(server.port)

    assert "# holding:0 to 4 answers" in draft.text
    assert server.connections > 100


async def test_a_device_that_goes_away_meanwhile():
    """What was found until then is the draft."""
    registers = dict.fromkeys(range(30), 9)
    script = having(registers)
    async with scripted(lambda asked: script(asked) if asked.address < 2000 else None) as server:
        draft = await look(server.port, timeout=0.1)

    assert "# holding: left alone, no answer within 0.1 s" in draft.text
    assert "holding_14" in points_of(draft)
    assert any(
        "the look ended early" in remark or "left alone" in draft.text for remark in ["", *draft.remarks]
    )


async def test_a_slow_device_ends_the_look_in_time(monkeypatch):
    """Nothing is asked after the time that a look may take."""
    monkeypatch.setattr(asker, "ALL_S", 0.5)
    async with scripted(constant({0: 1}), delay_s=lambda _: 0.05) as server:
        began = time.monotonic()
        draft = await look(server.port)

    assert time.monotonic() - began < 5
    assert "the look ended early: 0.5 s are enough" in draft.remarks


async def test_options_are_checked_and_kept():
    """What the device needs to be read stands in the draft; files of this machine do not."""
    async with scripted(having({0: 1})) as server:
        draft = await look(server.port, max_registers=10, ca="plant.pem")

    assert yaml.safe_load(draft.text)["options"] == {"timeout": 0.3, "max_registers": 10}
    assert max(asked.count for asked in server.asked if asked.function == HOLDING) <= 10
    assert discover.LONGEST_DIAL_S < asker.ALL_S
