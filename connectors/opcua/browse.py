"""References of nodes, bounded whatever the server says: in number, in time, in answers to one question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.uaerrors import BadEncodingLimitsExceeded, BadResponseTooLarge, BadTooManyOperations

from connectors.opcua import services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.opcua.session import Session

_MOST_PER_BROWSE = 50
_MOST_REFERENCES = 200  # in one answer; the rest follows by continuation points
_TOO_LARGE = (BadTooManyOperations, BadEncodingLimitsExceeded, BadResponseTooLarge)


class Browser:
    """Browses for at most `longest_s` seconds and `most` references; `stopped` says which of them ended it."""

    def __init__(self, session: Session, most: int, longest_s: float) -> None:
        self._session = session
        self._left = most
        self._most = most
        self._ends = asyncio.get_running_loop().time() + longest_s
        self._longest_s = longest_s
        self._chunk = _MOST_PER_BROWSE

    @property
    def stopped(self) -> str:
        """Why nothing more is browsed, empty while there is room."""
        if self._left <= 0:
            return f"stopped after {self._most} references"
        if asyncio.get_running_loop().time() >= self._ends:
            return f"stopped after {self._longest_s:g} s"
        return ""

    async def references(
        self, nodes: Sequence[ua.NodeId], kind: int, *, forward: bool = True
    ) -> list[list[Any]]:
        """Return the references of each node, of type `kind` and its subtypes; none once it has stopped."""
        found: list[list[Any]] = []
        while len(found) < len(nodes) and not self.stopped:
            part = nodes[len(found) : len(found) + self._chunk]
            try:
                found += await self._browse(part, kind, forward=forward)
            except _TOO_LARGE:
                if len(part) == 1:
                    raise
                self._chunk = len(part) // 2
        return found + [[] for _ in range(len(nodes) - len(found))]

    async def _browse(self, nodes: Sequence[ua.NodeId], kind: int, *, forward: bool) -> list[list[Any]]:
        direction = ua.BrowseDirection.Forward if forward else ua.BrowseDirection.Inverse
        request = ua.BrowseRequest()
        request.Parameters.RequestedMaxReferencesPerNode = ua.UInt32(_MOST_REFERENCES)
        request.Parameters.NodesToBrowse = [
            ua.BrowseDescription(
                NodeId=node,
                BrowseDirection=direction,
                ReferenceTypeId=standard(kind),
                IncludeSubtypes=True,
                NodeClassMask=ua.UInt32(0),
                ResultMask=ua.UInt32(ua.BrowseResultMask.All),
            )
            for node in nodes
        ]
        answer = await services.ask(self._session, request, ua.BrowseResponse)
        results = list(answer.Results or ())[: len(nodes)]
        found = [await self._whole(one) for one in results]
        return found + [[] for _ in range(len(nodes) - len(found))]

    async def _whole(self, result: Any) -> list[Any]:
        """Return the references of one node, also those that the server gives only when it is asked again."""
        found = self._counted(result.References)
        point = result.ContinuationPoint
        while point and not self.stopped:
            request = ua.BrowseNextRequest()
            request.Parameters.ReleaseContinuationPoints = False
            request.Parameters.ContinuationPoints = [point]
            answer = await services.ask(self._session, request, ua.BrowseNextResponse)
            more = next(iter(answer.Parameters.Results or ()), None)
            if more is None or not more.References:
                break
            found += self._counted(more.References)
            point = more.ContinuationPoint
        return found

    def _counted(self, references: Sequence[Any] | None) -> list[Any]:
        found = list(references or ())[: max(0, self._left)]
        self._left -= len(found)
        return found


def standard(number: int) -> ua.NodeId:
    """Return a node of the standard's namespace."""
    return ua.NodeId(ua.Int32(number))


def local(node: Any) -> ua.NodeId | None:
    """Return the node that a reference leads to, None when it is another server's."""
    if not isinstance(node, ua.NodeId) or (isinstance(node, ua.ExpandedNodeId) and node.ServerIndex):
        return None
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
