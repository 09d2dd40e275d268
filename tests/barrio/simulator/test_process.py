import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from barrio.simulator.__main__ import main
from barrio.simulator.process import SimulatorProcess
from twin.errors import StartError

_PARENT = """
import asyncio, os, sys
from pathlib import Path
from barrio.simulator.process import SimulatorProcess

async def start():
    found = await SimulatorProcess.start(Path(sys.argv[1]), base_port=int(sys.argv[2]))
    print(found.process.pid, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(start())
"""


def listens(port):
    with closing(socket.socket()) as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_it_says_when_it_serves_and_stops_when_asked(small, base_port):
    """The ready line names every endpoint; SIGTERM ends it within two seconds with exit code 0."""
    async with await SimulatorProcess.start(small.folder, base_port=base_port) as simulator:
        assert simulator.ready["ready"] is True
        assert (
            simulator.ready["endpoints"]["modbus+tcp://10.0.0.1:502"] == f"modbus+tcp://127.0.0.1:{base_port}"
        )
        assert (simulator.ready["devices"], simulator.ready["points"]) == (5, 62)
        assert listens(base_port)
        since = time.monotonic()
        await simulator.stop()

    assert time.monotonic() - since < 2.0
    assert simulator.process.returncode == 0
    assert not listens(base_port)


async def test_ctrl_c_ends_it_too(small, base_port):
    """SIGINT is a wish to stop, not a traceback."""
    async with await SimulatorProcess.start(small.folder, base_port=base_port) as simulator:
        simulator.process.send_signal(signal.SIGINT)
        code = await asyncio.wait_for(simulator.process.wait(), 2)

    assert code == 0
    assert list(simulator.words) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of a parent's death on Linux only")
async def test_it_dies_with_its_parent(small, base_port):
    """A parent that is killed leaves no simulator behind."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(small.folder), str(base_port)), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(parent.communicate(), 30)
    child = int(out)
    for _ in range(30):
        if not alive(child):
            break
        await asyncio.sleep(0.1)

    survived = alive(child)
    if survived:
        os.kill(child, signal.SIGKILL)

    assert parent.returncode == -signal.SIGKILL
    assert not survived


async def test_a_taken_port_is_said_in_the_parent(small, base_port):
    """What keeps the simulator from starting arrives as a StartError with its own words."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", base_port))
        other.listen()
        with pytest.raises(StartError, match=f"^TCP port {base_port} on 127.0.0.1 cannot be had"):
            await SimulatorProcess.start(small.folder, base_port=base_port)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-district"], "there is no"),
        (
            ["ciudad-maderas", "--fault", "silent:cistern-a9"],
            "has no device 'cistern-a9' (did you mean cistern-a1?)",
        ),
        (["ciudad-maderas", "--base-port", "65500"], "needs 62 ports"),
        (["ciudad-maderas", "--speed", "-1"], "time cannot run backwards"),
    ],
)
def test_bad_input_is_one_clear_line_and_code_2(capsys, arguments, words):
    """No traceback, nothing half started."""
    assert main([*arguments, "--parent", str(os.getppid())]) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert words in said
    assert "Traceback" not in said
