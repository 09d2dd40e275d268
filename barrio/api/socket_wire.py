"""What a WebSocket may send: so many frames in a while, whatever is in them.

Messages are counted where they are understood (`barrio.api.sockets`); pings, pongs and pieces of messages never come
so far. Each of them is work, and a ping is answered, so whoever sends them by the thousand would hold up everybody.
What is read is given to the parser in portions, so that the limit is met before much was done.
"""

from __future__ import annotations

from collections import deque

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame

MOST_FRAMES, WINDOW_S = 500, 10.0
PORTION = 2_048
"""Bytes, at most a third as many frames."""
TOO_FAST = 4429


class SocketWire(WebSocketsSansIOProtocol):
    """One connection."""

    _came: deque[float] | None = None
    _over = False

    def data_received(self, data: bytes) -> None:
        """Read on, portion by portion, unless it is too much."""
        if not self.handshake_initiated:
            super().data_received(data)
            return
        for at in range(0, len(data), PORTION):
            if self._over or self.transport.is_closing():
                return
            super().data_received(data[at : at + PORTION])

    def handle_cont(self, event: Frame) -> None:
        """Take a piece of a message."""
        if self._count():
            super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """Take a text, or the first piece of one."""
        if self._count():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take bytes, likewise."""
        if self._count():
            super().handle_bytes(event)

    def handle_ping(self) -> None:
        """Send the pong, which the parser has made already."""
        if self._count():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        if self._count():
            super().handle_pong(event)

    def _count(self) -> bool:
        """Return whether a frame is taken; one too many ends the connection."""
        if self._over:
            return False
        if self._came is None:
            self._came = deque(maxlen=MOST_FRAMES)
        now = self.loop.time()
        if len(self._came) == MOST_FRAMES and now - self._came[0] < WINDOW_S:
            self._end(f"more than {MOST_FRAMES} frames in {WINDOW_S:g} s")
            return False
        self._came.append(now)
        return True

    def _end(self, words: str) -> None:
        self._over = True
        if not self.close_sent:
            try:
                self.conn.send_close(TOO_FAST, words)
                self.transport.write(b"".join(self.conn.data_to_send()))
                self.close_sent = True
            except ProtocolError:
                pass
        self.transport.close()
