from __future__ import annotations

import pytest

from connectors.home import Home
from connectors.opcua.access import Access
from connectors.opcua.nodes import NodeAddress
from connectors.opcua.security import Door
from connectors.opcua.session import Session, node_id


def _session():
    return Session(Door(Access(), Home(), "opc.tcp://h:4840"), 4.0, 4.0)


async def test_closing_what_was_never_opened():
    """A session that never connected closes without a word."""
    await _session().close()


@pytest.mark.parametrize(
    ("address", "index"),
    [(NodeAddress("x", "urn:a"), 4), (NodeAddress("x", 2), 2), (NodeAddress("x", "urn:b"), None)],
)
def test_namespaces_are_resolved_by_the_servers_own_table(address, index):
    """A URI becomes the index that this server gives it, none where it has none."""
    found = node_id(address, {"urn:a": 4})

    assert (found.NamespaceIndex if found else None) == index
