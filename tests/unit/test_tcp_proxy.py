"""The proxy that scenarios cut lines with: what each mode does to old and new connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.chaos.proxy import TcpProxy


class Echo:
    """A server that sends back what it gets."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(4096):
                    connection.sendall(data)
            except OSError:
                pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    echo = Echo()
    with TcpProxy("127.0.0.1", echo.port) as line:
        yield line
    echo.close()


def connect(proxy: TcpProxy) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=2)
    connection.settimeout(2)
    return connection


def says(connection: socket.socket, text: bytes = b"hello") -> bytes:
    connection.sendall(text)
    return connection.recv(4096)


def test_it_forwards_both_ways(proxy: TcpProxy) -> None:
    with connect(proxy) as one, connect(proxy) as other:
        assert (says(one, b"one"), says(other, b"other")) == (b"one", b"other")
        assert proxy.connections == 2


def test_much_data_arrives_whole(proxy: TcpProxy) -> None:
    data = bytes(range(256)) * 4096
    with connect(proxy) as connection:
        threading.Thread(target=connection.sendall, args=(data,), daemon=True).start()
        back = b""
        while len(back) < len(data):
            back += connection.recv(65_536)
        assert back == data


def test_refusing_ends_connections_and_listens_no_more(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        says(connection)
        proxy.refuse()
        assert connection.recv(10) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)


def test_a_black_hole_answers_nothing_and_delivers_once_it_is_healed(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        says(connection)
        proxy.blackhole()
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            says(connection, b"lost?")
        with connect(proxy) as fresh:  # the handshake is the kernel's
            fresh.settimeout(0.2)
            with pytest.raises(TimeoutError):
                says(fresh)
            proxy.pass_()
            connection.settimeout(2)
            fresh.settimeout(2)
            assert connection.recv(10) == b"lost?"
            assert fresh.recv(10) == b"hello"


def test_a_reset_is_one(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        says(connection)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(10)
        with pytest.raises(ConnectionResetError), connect(proxy) as fresh:
            says(fresh)


def test_a_delay_holds_each_direction_back(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        proxy.delay(0.1)
        started = time.monotonic()
        assert says(connection) == b"hello"
        assert 0.2 <= time.monotonic() - started < 1
        proxy.pass_()
        started = time.monotonic()
        says(connection)
        assert time.monotonic() - started < 0.1


@pytest.mark.parametrize("mode", ["refuse", "blackhole", "reset"])
def test_it_heals(proxy: TcpProxy, mode: str) -> None:
    getattr(proxy, mode)()
    port = proxy.port
    proxy.pass_()
    assert proxy.port == port
    with connect(proxy) as connection:
        assert says(connection) == b"hello"


def test_a_target_that_is_away_closes_the_connection(unused_port: int) -> None:
    with TcpProxy("127.0.0.1", unused_port) as line, connect(line) as connection:
        assert connection.recv(10) == b""


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
