"""What the tests of provisioning share: small districts, and servers to keep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from barrio.assembly import load_all, profiles_folder
from connectors.registry import Connectors
from provisioning.influx import Admin, InfluxTarget
from provisioning.plan import ProvisioningError, Step, apply
from provisioning.tokens import Tokens
from tests.provisioning.guarded import GuardedInfluxDB
from tests.provisioning.influx_stand_in import ORG, InfluxStandIn
from twin.model.district import District

DISTRICT = """district: {id}
name: {name}
timezone: America/Mexico_City
location: {{lat: 20.56, lon: -100.26}}
retention: {retention}
sites: [{{id: hall, kind: Hall}}]
"""
DEVICES = """devices:
  - {id: cistern, profile: water-tank-modbus, site: hall, endpoint: "modbus+tcp://127.0.0.1:1"}
"""
UTILITIES = "utilities: [{id: cea, name: Comisión Estatal de Aguas, resolutions: [15m, 1d]}]\n"
RETENTION = "{raw: 90d, 15m: 2d, 1h: 730d}"


@pytest.fixture
def make_district(tmp_path):
    """A function that writes and reads a small district: `make_district("salinas", retention=…, utilities=…)`."""

    def make(name: str = "salinas", retention: str = RETENTION, utilities: str = UTILITIES) -> District:
        folder: Path = tmp_path / "districts" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "district.yaml").write_text(
            DISTRICT.format(id=name, name=name.title(), retention=retention)
        )
        (folder / "devices.yaml").write_text(DEVICES)
        (folder / "provisioning.yaml").write_text(utilities)
        return load_all([str(folder)], Path(), Connectors(), profiles_folder())[0]

    return make


@pytest.fixture
def district(make_district) -> District:
    """A district with one cistern, and a utility that reads two of its databases."""
    found: District = make_district()
    return found


@pytest.fixture
def tokens(tmp_path) -> Tokens:
    """An empty tokens folder."""
    return Tokens(tmp_path / "tokens")


@pytest.fixture
def influx2() -> Iterator[InfluxStandIn]:
    """A stand-in for an InfluxDB 2.9."""
    with InfluxStandIn() as server:
        yield server


@pytest.fixture
def new_target():
    """What makes an `InfluxTarget`; all that it made are closed when the test ends."""
    made = []

    def make(*arguments) -> InfluxTarget:
        made.append(InfluxTarget(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def target2(influx2, tokens, new_target):
    """A function that gives the target of the stand-in: `target2(district, token=…, adopt=…)`."""

    def make(*districts: District, token: str = "", adopt: bool = False) -> InfluxTarget:
        admin = Admin(influx2.url, token or influx2.operator, org=ORG, timeout_s=5, adopt=adopt)
        found: InfluxTarget = new_target(admin, districts, tokens)
        return found

    return make


@pytest.fixture(scope="session")
def guarded(tmp_path_factory) -> Iterator[GuardedInfluxDB]:
    """A real InfluxDB 1.x with authentication, one for all tests: use a district of your own name."""
    with GuardedInfluxDB(tmp_path_factory.mktemp("guarded")) as server:
        server.make_admin()
        yield server


def do(steps: list[Step]) -> None:
    """Do steps; the first error is raised."""
    outcome = apply(steps)
    if outcome.error is not None:
        raise outcome.error


def said(steps: list[Step]) -> list[str]:
    """Return steps in words: what is done to what."""
    return [str(step) for step in steps]


def refusal(target: InfluxTarget) -> str:
    """Return what a target says that cannot be planned for."""
    with pytest.raises(ProvisioningError) as caught:
        target.plan()
    assert "\n" not in str(caught.value)
    return str(caught.value)
