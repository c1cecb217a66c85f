"""One line of JSON after another over a Unix socket, read without ever blocking the agent."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

MAX_UNSENT = 1 << 20
_CHUNK = 1 << 16

Message = list[Any]


class Connection:
    """A connected socket. `on_message(connection, message)`, `on_close(connection)`."""

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Connection, Message], None],
        on_close: Callable[[Connection], None],
    ) -> None:
        self._socket = sock
        self._on_message = on_message
        self._on_close = on_close
        self._buffer = b""
        self._closed = False
        sock.setblocking(False)
        asyncio.get_running_loop().add_reader(sock.fileno(), self.drain)

    def drain(self) -> None:
        """Read everything that has arrived. Also called to look before a kill."""
        while not self._closed:
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._on_message(self, json.loads(line))

    def send(self, message: Message) -> None:
        """Send; an other side that does not read loses the connection, not our time."""
        if self._closed:
            return
        try:
            self._socket.send(json.dumps(message).encode() + b"\n")
        except OSError:
            self.close()

    def close(self) -> None:
        """Close and tell, once."""
        if self._closed:
            return
        self._closed = True
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._on_close(self)
