"""What the platform refuses is said in the words of the command line."""

import httpx
import pytest

from barrio.client import tell
from barrio.errors import AskError


@pytest.mark.parametrize(
    ("parameter", "option"), [("lease", "--for"), ("expect", "--expect"), ("old_last", "--old-last")]
)
async def test_a_parameter_that_is_wrong_is_an_option(parameter, option):
    """A person who wrote `--for` is told of `--for`, however the body of the question calls it."""
    answer = {"parameter": parameter, "detail": f"{parameter}: is wrong"}
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=answer))

    async with httpx.AsyncClient(transport=transport, base_url="http://barrio") as client:
        with pytest.raises(AskError, match=f"^{option}: is wrong"):
            await tell(client, "/api/v1/commands", {})
