"""Whether a port can be listened on, and who has it if not."""

from __future__ import annotations

import errno
import socket

import psutil

from app.up.messages import Refusal


def require_free(host: str, port: int, variable: str) -> None:
    """Raise `Refusal` unless this process could listen there now."""
    try:
        entry = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError:
        raise Refusal(
            f"API_HOST={host} is no address known here; use 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    try:
        with socket.socket(entry[0], entry[1]) as probe:
            # As the servers do: a port whose last connections are only fading is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(entry[4])
    except OSError as exc:
        raise Refusal(_why(exc, host, port, variable)) from None


def _why(error: OSError, host: str, port: int, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken{holder(port)}: stop what has it, or choose another port, "
            f"for example {variable}={port + 1 if port < 65_535 else port - 1}."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this user: choose one above 1023 for {variable}."
    return f"{host}:{port} cannot be listened on ({error.strerror}): change {variable}."


def holder(port: int) -> str:
    """` by NAME (pid N)` of the process listening on a local port, as far as it may be known."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return ""
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr
        if listens and connection.laddr.port == port and connection.pid:
            return f" by {_name(connection.pid)}"
    return ""


def _name(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"
