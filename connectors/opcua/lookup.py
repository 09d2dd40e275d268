"""Where points live on one server: addresses to node ids, looked up after every connect.

A server may give namespaces other indexes and nodes of a path other ids after a restart (OPC 10000-3, 8.2.2: a
namespace is named by its URI, its index is the server's own).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors._base import UaStatusCodeError

from connectors.opcua import services
from connectors.opcua.addresses import Address, BrowsePath
from connectors.opcua.codec import status_name
from connectors.opcua.nodes import NodeAddress
from connectors.opcua.session import node_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connectors.opcua.session import Session

_TO_THE_END = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Lost:
    """Why an address leads to no node of this server."""

    words: str


async def resolve(
    session: Session, addresses: Iterable[Address], namespaces: Mapping[str, int], chunk: int
) -> dict[Address, ua.NodeId | Lost]:
    """Return the node of each address in this session, or why there is none."""
    found: dict[Address, ua.NodeId | Lost] = {}
    indexes = dict(namespaces)
    paths: dict[BrowsePath, ua.BrowsePath] = {}
    for address in set(addresses):
        if isinstance(address, NodeAddress):
            node = node_id(address, indexes)
            found[address] = (
                Lost(f"the server has no namespace {address.namespace}") if node is None else node
            )
        elif lost := _unknown_namespace(address, namespaces):
            found[address] = lost
        else:
            paths[address] = _request(address, namespaces)
    try:
        results = await services.translate(session, list(paths.values()), chunk)
    except UaStatusCodeError as error:
        # A server without the service still has its other nodes; a session that is lost shows at the next request.
        return found | {path: Lost(f"{type(error).__name__}: {path}") for path in paths}
    for path, result in zip(paths, results, strict=True):
        found[path] = _target(path, result)
    return found


def _unknown_namespace(path: BrowsePath, namespaces: Mapping[str, int]) -> Lost | None:
    for space, _ in path.elements:
        if isinstance(space, str) and space not in namespaces:
            return Lost(f"the server has no namespace {space}")
    return None


def _request(path: BrowsePath, namespaces: Mapping[str, int]) -> ua.BrowsePath:
    def element(space: str | int, name: str) -> ua.RelativePathElement:
        index = space if isinstance(space, int) else namespaces[space]
        return ua.RelativePathElement(
            ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
            IsInverse=False,  # type: ignore[arg-type]
            IncludeSubtypes=True,  # type: ignore[arg-type]
            TargetName=ua.QualifiedName(name, ua.Int16(index)),
        )

    steps = [element(space, name) for space, name in path.elements]
    return ua.BrowsePath(ua.NodeId(ua.Int32(ObjectIds.RootFolder)), ua.RelativePath(steps))


def _target(path: BrowsePath, result: ua.BrowsePathResult) -> ua.NodeId | Lost:
    status = result.StatusCode.value
    if status >> 30:
        return Lost(f"{status_name(status)}: {path}")
    # A target that the server could not follow to its end has another RemainingPathIndex (OPC 10000-4, 5.9.4.2).
    targets = [target.TargetId for target in result.Targets or () if target.RemainingPathIndex == _TO_THE_END]
    if len(targets) != 1:
        return Lost(f"{len(targets)} nodes have the path {path}")
    return _plain(targets[0])


def _plain(node: ua.NodeId) -> ua.NodeId:
    return ua.NodeId(node.Identifier, node.NamespaceIndex)
