"""How connections are opened on either database. Nothing else knows a driver or a PRAGMA."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine import URL, Engine, create_engine
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.db.observed import observe
from app.db.patience import PatientAsyncConnection, PatientConnection, is_gone

# The API answers 503 within 3 s, so no statement of it may take longer than this.
API_PATIENCE_SECONDS = 1.8
# Task code has time: it would rather wait than fail.
TASK_PATIENCE_SECONDS = 30.0
# A connection takes several exchanges to make, and only a line that is cut takes this long.
CONNECT_SECONDS = 4
API_CONNECT_SECONDS = 2
# A statement's parameters are arguments of tasks, which have no place in the text of an error.
HIDE_PARAMETERS = True


def database_url(*, use_async: bool, given: str | None = None) -> URL:
    """`DATABASE_URL`, or another one that is `given`, with the driver of this project put in.

    Raises `ConfigurationError` for anything but SQLite and PostgreSQL.
    """
    try:
        url = make_url(given or get_settings().resolved_database_url)
    except ArgumentError:
        raise ConfigurationError(
            "DATABASE_URL is not a database URL; use sqlite:///file.db or "
            "postgresql://user:password@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return url.set(drivername="sqlite+aiosqlite" if use_async else "sqlite+pysqlite")
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise ConfigurationError(
        f"DATABASE_URL names {backend}, but only sqlite and postgresql are supported"
    )


def worker_patience() -> float:
    """Seconds that workers and agents wait for a statement: a third of a lease.

    A renewal that hangs is given up while the next one still saves the lease. And a look for
    leases that are over never hangs for so long that they end while it waits for a lock: it
    would take everybody for dead who waits for the same lock.
    """
    return min(TASK_PATIENCE_SECONDS, max(1.0, get_settings().lease_seconds / 3))


def sync_engine(
    *,
    durable: bool,
    pool_size: int = 1,
    patience: float | None = None,
    given: str | None = None,
) -> Engine:
    """An engine for workers and agents; `given` is another database than that of the settings.

    `durable=False` is for writes that may be repeated after a power cut: heartbeats, progress
    and claims of tasks that may start again anyway.
    """
    patience = worker_patience() if patience is None else patience
    url = database_url(use_async=False, given=given)
    engine = create_engine(
        url,
        pool_size=pool_size,
        # Each thread keeps a connection; how many threads there are is the caller's affair.
        max_overflow=-1,
        connect_args=_connect_args(url, patience, durable=durable),
        hide_parameters=HIDE_PARAMETERS,
    )
    _prepare(engine, durable=durable)
    if durable:  # what may be lost is of no interest to a trace either: there is too much of it
        observe(engine)
    if url.get_backend_name() == "postgresql":

        @event.listens_for(engine, "do_connect")
        def _open(dialect: Any, record: Any, args: Any, parameters: dict[str, Any]) -> Any:
            return PatientConnection.open(patience, *args, **parameters)

    return engine


def async_engine(*, pooled: bool, read_only: bool = False) -> AsyncEngine:
    """An engine for code on an event loop.

    Not pooled means one connection a session: an asyncio connection belongs to the loop that
    opened it, and task code may well run a new loop for every update.
    """
    url = database_url(use_async=True)
    pool: dict[str, Any] = (
        {"pool_size": 10, "max_overflow": 10, "pool_timeout": 2.0}
        if pooled
        else {"poolclass": NullPool}
    )
    if read_only:
        pool["isolation_level"] = "AUTOCOMMIT"
        # There is nothing to roll back, and asking for it takes as long as a short statement.
        pool["skip_autocommit_rollback"] = True
    patience = API_PATIENCE_SECONDS if pooled else TASK_PATIENCE_SECONDS
    arguments = _connect_args(url, patience, durable=True, lists=read_only)
    if url.get_backend_name() == "postgresql":
        arguments["async_creator_fn"] = partial(PatientAsyncConnection.open, patience)
    engine = create_async_engine(
        url, connect_args=arguments, hide_parameters=HIDE_PARAMETERS, **pool
    )
    _prepare(engine.sync_engine, durable=True, autocommit=read_only)
    observe(engine.sync_engine)
    return engine


def _connect_args(
    url: URL, patience: float, *, durable: bool, lists: bool = False
) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": patience}
    given: dict[str, Any]
    if get_settings().database_pooler == "transaction":
        # Each transaction may go to another of the server's connections. So nothing is set on one,
        # and nothing is prepared there (docs/decisions/0036).
        given = {"prepare_threshold": None}
    else:
        given = {"options": _options(patience, durable=durable, lists=lists)}
    return {
        "connect_timeout": (
            API_CONNECT_SECONDS if patience == API_PATIENCE_SECONDS else CONNECT_SECONDS
        ),
        **given,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "application_name": "tasksystem",
    }


def _options(patience: float, *, durable: bool, lists: bool) -> str:
    options = [f"-c statement_timeout={round(patience * 1000)}", "-c timezone=UTC"]
    if not durable:
        options.append("-c synchronous_commit=off")
    if lists:
        # A plan for any page size and any owner reads whole indexes, because it has to expect
        # that a tenth of the table is wanted. Planning each time costs a fraction of a millisecond.
        options.append("-c plan_cache_mode=force_custom_plan")
    return " ".join(options)


def _prepare(engine: Engine, *, durable: bool, autocommit: bool = False) -> None:
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, durable=durable, autocommit=autocommit)
        return

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, record: Any, proxy: Any) -> None:
        # The server may have been restarted since; nobody's statement need fail to find out.
        if is_gone(record.driver_connection):
            raise InvalidatePoolError("the server has closed the connection")


def _prepare_sqlite(engine: Engine, *, durable: bool, autocommit: bool) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        # In WAL mode only FULL flushes the log at every commit; NORMAL may lose the last
        # transactions at a power cut (never at a crash of the process).
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'NORMAL'}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _immediate(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once with "database is
        # locked" when another writer came between, whatever the busy timeout says.
        if not autocommit and connection.get_execution_options().get("isolation_level") is None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
