"""An InfluxDB 1.x that asks who somebody is, which the server that all tests share does not."""

from pathlib import Path

import httpx

from tests.servers import InfluxDB

ADMIN = "root"
PASSWORD = "canary-admin-5f1d2c"


class GuardedInfluxDB(InfluxDB):
    """A real InfluxDB 1.x with `auth-enabled`; its first user administers it."""

    def command(self, program: Path) -> list[str]:
        """Write the configuration of the shared server, with authentication on."""
        command = super().command(program)
        config = self.folder / "influxdb.conf"
        config.write_text(config.read_text().replace("auth-enabled = false", "auth-enabled = true"))
        return command

    def make_admin(self) -> None:
        """Make the admin user; the only thing that a server without users lets anybody do."""
        statement = f"CREATE USER \"{ADMIN}\" WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"
        answer = httpx.post(f"{self.url}/query", data={"q": statement}, timeout=10, trust_env=False)
        answer.raise_for_status()

    def query(self, text: str, user: str = ADMIN, password: str = PASSWORD, **params: str) -> httpx.Response:
        """Ask something as somebody."""
        return httpx.post(
            f"{self.url}/query",
            data={"q": text},
            params=params,
            auth=(user, password),
            timeout=10,
            trust_env=False,
        )

    def write(self, database: str, lines: str, user: str, password: str) -> int:
        """Write lines as somebody; returns the status of the answer."""
        answer = httpx.post(
            f"{self.url}/write",
            params={"db": database},
            content=lines,
            auth=(user, password),
            timeout=10,
            trust_env=False,
        )
        return answer.status_code
