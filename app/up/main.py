"""The order of things: checks, broker, database, everything else, and back."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import sys
import time

from app.core.address import browser_url, reachable
from app.core.config import Settings, get_settings, masked_url
from app.core.errors import ConfigurationError
from app.up import broker
from app.up.messages import Refusal, say
from app.up.ports import require_free
from app.up.process import Spec
from app.up.signals import Stop, Stopping
from app.up.state import State, only_one
from app.up.supervisor import Supervisor

_BROKER_SECONDS = 60.0
_READY_SECONDS = 60.0
# How long the worker may take to report before the person is told that it has not.
_COMPLETE_SECONDS = 20.0
_TICK_SECONDS = 0.2


def run_until(stop: Stop) -> int:
    """Run everything until `stop`; returns the exit code."""
    try:
        settings = get_settings()
        with only_one(settings.data_dir) as state:
            state.end_leftovers(settings.drain_seconds + 10, stop)
            _check(settings)
            return _supervise(settings, state, stop)
    except (Refusal, ConfigurationError) as exc:
        say(str(exc))
        return 2


def _check(settings: Settings) -> None:
    """What can be told before anything is started. Raises `Refusal`."""
    try:
        (settings.log_dir / "up").mkdir(parents=True, exist_ok=True)
        (settings.log_dir / "up" / ".writable").touch()
        (settings.log_dir / "up" / ".writable").unlink()
    except OSError as exc:
        raise Refusal(
            f"LOG_DIR {settings.log_dir.absolute()} cannot be written ({exc.strerror}): make it "
            "writable or set LOG_DIR to a directory that is."
        ) from None
    _require_semaphores()
    require_free(settings.api_host, settings.api_port, "API_PORT")
    require_free("127.0.0.1", settings.flower_port, "FLOWER_PORT")


def _require_semaphores() -> None:
    """Celery's pool needs them; some containers have no place for them. Raises `Refusal`."""
    try:
        multiprocessing.Semaphore()
    except (OSError, ImportError) as exc:
        raise Refusal(
            f"Processes cannot share semaphores here ({exc}), which the worker needs: /dev/shm "
            "must be there and writable for every user, for example: "
            "mount -t tmpfs -o mode=1777 tmpfs /dev/shm"
        ) from None


def _supervise(settings: Settings, state: State, stop: Stop) -> int:
    supervisor = Supervisor(settings.log_dir, state, stop)
    try:
        say("Starting ... (Ctrl-C stops everything)")
        _provide_broker(settings, supervisor, stop)
        _migrate(supervisor, stop)
        supervisor.start(_programs(settings))
        missing = _wait_until_ready(settings, supervisor, stop)
        say(_welcome(settings, _sign_in_link(supervisor, stop)))
        for reason in missing:
            say(f"Still missing: {reason}")
        while True:
            stop.sleep(_TICK_SECONDS)
            supervisor.step()
    except Stopping:
        say("\nStopping ... (once more: at once)")
        return 0
    finally:
        supervisor.stop()
        state.clear()
        if stop.asked:
            say("Stopped.")


def _provide_broker(settings: Settings, supervisor: Supervisor, stop: Stop) -> None:
    """A server that answers; one of our own if the address is silent."""
    address = broker.Address.parse(settings.celery_broker_url)
    answer = broker.ask(address)
    if answer == "silent":
        supervisor.start([broker.own_server(address, settings.data_dir)])
    elif answer == "ready":
        say(f"Using the broker that answers at {address.shown}.")
    end = time.monotonic() + _BROKER_SECONDS
    while answer != "ready":
        stop.sleep()
        supervisor.step()
        supervisor.require_start()
        answer = broker.ask(address)
        if answer != "ready" and time.monotonic() > end:
            raise Refusal(
                f"The broker at {address.shown} is still {answer} after {_BROKER_SECONDS:g} s; "
                f"look at {settings.log_dir / 'up' / 'broker.log'}."
            )


def _migrate(supervisor: Supervisor, stop: Stop) -> None:
    """Bring the schema up to date in a process of its own. Raises `Refusal` if it fails."""
    done = supervisor.run_once((sys.executable, "-m", "app.up.migrate"), stop)
    if done.code:
        raise Refusal(done.output)
    if done.output:
        say(done.output)


def _programs(settings: Settings) -> list[Spec]:
    python = sys.executable
    celery = (python, "-m", "celery", "-A", "app.celery_app.celery_app")
    return [
        Spec(
            "API",
            # The open streams of browsers must not hold a stop up.
            (
                *(python, "-m", "uvicorn", "app.main:app", "--timeout-graceful-shutdown", "5"),
                *("--host", settings.api_host, "--port", str(settings.api_port)),
            ),
            stop_seconds=10,
        ),
        Spec(
            "worker",
            (python, "-m", "scripts.celery_worker"),
            stop_seconds=settings.drain_seconds + 10,
        ),
        Spec("beat", (python, "-m", "scripts.celery_beat"), stop_seconds=10),
        Spec(
            "Flower",
            # Some of its pages need no password: it is for this machine alone.
            (*celery, "flower", "--address=127.0.0.1", f"--port={settings.flower_port}"),
            stop_seconds=5,
            essential=False,
            # It warns of every worker that is slow to answer.
            outspoken=False,
        ),
    ]


def _wait_until_ready(settings: Settings, supervisor: Supervisor, stop: Stop) -> list[str]:
    """Until everything works, or the API serves and the rest has had its time.

    Returns what is still missing. Raises `Refusal` when a part does not come up.
    """
    started = time.monotonic()
    told = False
    while True:
        serves, missing = _health(settings)
        waited = time.monotonic() - started
        if serves and (not missing or waited > _COMPLETE_SECONDS):
            return missing
        if not told and waited > _READY_SECONDS:
            say(f"Not ready after {_READY_SECONDS:g} s, still waiting: {'; '.join(missing)}")
            told = True
        stop.sleep(_TICK_SECONDS)
        supervisor.step()
        supervisor.require_start()


def _health(settings: Settings) -> tuple[bool, list[str]]:
    """Whether the API serves, and what is missing, in its own words."""
    connection = http.client.HTTPConnection(
        reachable(settings.api_host), settings.api_port, timeout=3
    )
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        found = json.loads(response.read())
        return response.status == 200, [str(reason) for reason in found["reasons"]]
    except (OSError, http.client.HTTPException) as exc:
        return False, [f"the API does not answer ({exc})"]
    except (ValueError, KeyError, TypeError):
        return False, ["the API gives no account of its health"]
    finally:
        connection.close()


def _sign_in_link(supervisor: Supervisor, stop: Stop) -> str:
    """A fresh one for the administrator, or the command that makes one."""
    command = ("taskctl", "user", "sign-in-link", "admin@localhost")
    done = supervisor.run_once((sys.executable, "-m", "app", *command[1:]), stop)
    lines = [line for line in done.output.splitlines() if line.startswith("http")]
    return lines[-1] if lines and not done.code else " ".join(command)


def _welcome(settings: Settings, link: str) -> str:
    base = browser_url()
    default = " / admin" if settings.flower_password == "admin" else ""
    database = "SQLite" if settings.is_sqlite else masked_url(settings.database_url)
    return f"""
The task system is running.

  Open it, signed in          {link}
                              (works once, within ten minutes; another one:
                              taskctl user sign-in-link admin@localhost)
  The page                    {base}/
  API and its documentation   {base}/docs
  Flower, the monitor         http://localhost:{settings.flower_port}   ({settings.flower_user}{default})
  Database                    {database}
  A token for the API         make -s token
  Logs                        {settings.log_dir}/

Ctrl-C stops everything.
"""
