"""Settings: the only place that reads the environment.

Each field is a variable of the same name in capitals. Values come, in this order, from the
process environment, from the dotenv file (`ENV_FILE`, default `.env` in the working directory)
and from the defaults here.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core import provider, redact
from app.core.errors import ConfigurationError
from app.core.hosts import is_loopback

DEFAULT_REDIS_URL = "redis://localhost:6379/0"
# The last one is for tests: a broker within the process.
BROKER_SCHEMES = ("redis", "rediss", "memory")
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
Port = Annotated[int, Field(ge=1, le=65_535)]


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _split(value: Any) -> Any:
    """Comma-separated text -> list, the form in which lists are written in a dotenv file."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """The effective configuration. Durations are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(extra="ignore", env_file_encoding="utf-8", frozen=True)

    # The guide's eight.
    celery_broker_url: str = DEFAULT_REDIS_URL
    celery_result_backend: str = DEFAULT_REDIS_URL
    celery_task_serializer: str = "json"
    celery_result_serializer: str = "json"
    celery_timezone: str = "Asia/Shanghai"
    celery_worker_concurrency: int = Field(default_factory=cores, ge=1, le=1024)
    flower_user: str = "admin"
    flower_password: str = "admin"

    app_env: Literal["development", "production"] = "development"
    database_url: str = ""
    database_pooler: Literal["none", "transaction"] = "none"
    data_dir: Path = Path(".data")
    log_dir: Path = Path("logs")
    log_format: Literal["text", "json"] = "text"
    secret_key: str = ""
    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    flower_port: Port = 5555
    broker_key_prefix: str = Field("tasksys:", min_length=1, max_length=64)
    task_modules: Names = []
    task_requirements: Path | None = None

    worker_processes: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    lease_seconds: Seconds = 30
    heartbeat_seconds: Seconds = 10
    reconcile_seconds: Seconds = 5
    cancel_grace_seconds: Seconds = 10
    drain_seconds: Annotated[float, Field(ge=0, le=86_400)] = 20
    task_time_limit_seconds: Seconds = 3600
    task_memory_limit_mb: Annotated[int, Field(ge=16)] | None = None
    dispatch_window: Annotated[int, Field(ge=1, le=100_000)] | None = None
    ageing_seconds: Seconds = 3600
    retention_days: Annotated[float, Field(ge=0, le=36_500)] = 30
    audit_retention_days: Annotated[float, Field(ge=0, le=36_500)] = 365
    statistics_days: Annotated[float, Field(ge=0, le=36_500)] = 400
    schedules_per_user: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    submissions_per_minute: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    pending_tasks_per_user: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1_000_000
    tokens_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    streams_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    streams_per_process: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    cors_origins: Names = []
    metrics_token: str = ""
    webhooks_per_user: Annotated[int, Field(ge=0, le=1000)] = 20
    webhook_allowed_networks: Names = []
    webhook_allow_http: bool = False
    webhook_disable_days: Annotated[float, Field(ge=0, le=36_500)] = 5
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_jwks_url: str = ""
    oidc_role_claim: str = Field("roles", min_length=1)
    oidc_roles: Names = []

    # Set by the worker's own processes for their children, never by a person.
    agent_socket: str = ""
    # The part of a worker's slots, and so of its messages, that this main process has.
    worker_share: Annotated[float, Field(gt=0, le=1)] = 1.0

    @field_validator("celery_task_serializer", "celery_result_serializer")
    @classmethod
    def _json_only(cls, value: str) -> str:
        if value != "json":
            raise ValueError(
                f"{value!r} is refused: anything but json can run code or change values when it "
                "is read back; remove the line or set it to json"
            )
        return value

    @field_validator("celery_broker_url")
    @classmethod
    def _one_server(cls, value: str) -> str:
        scheme = urlsplit(value).scheme
        known = scheme in BROKER_SCHEMES
        if not known or value.count("://") > 1:
            what = "more than one address" if known else f"{scheme or 'no scheme'}://"
            raise ValueError(
                f"{what} is refused: the broker is one server that speaks Redis' protocol, "
                "such as redis://localhost:6379/0, or rediss:// for TLS. For Sentinel give the "
                "address of a proxy that follows the primary; a cluster cannot be used: give the "
                "broker a server of its own"
            )
        return value

    @field_validator("worker_processes", mode="before")
    @classmethod
    def _auto_or_number(cls, value: Any) -> Any:
        if value != "auto" and not (str(value).isdecimal() and 1 <= int(value) <= 1024):
            raise ValueError(f"{value!r} is refused: give auto, or a number from 1 to 1024")
        return value

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                ip_network(each)
            except ValueError:
                raise ValueError(
                    f"{each!r} is not a network; write such as 10.1.0.0/16, or 10.1.2.3 for one "
                    "address, separated by commas"
                ) from None
        return value

    @field_validator("metrics_token")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < 16:
            raise ValueError(
                "is shorter than 16 characters and could be guessed; make one with: openssl rand -hex 24"
            )
        return value

    @field_validator("celery_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):
            raise ValueError(
                f"{value!r} is not a time zone; use a name such as Asia/Shanghai or UTC"
            ) from None
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _known_roles(cls, value: list[str]) -> list[str]:
        provider.roles_by_value(value)
        return value

    @model_validator(mode="after")
    def _provider_can_be_trusted(self) -> Self:
        production = self.app_env == "production"
        if wrong := list(
            provider.faults(
                self.oidc_issuer, self.oidc_audience, self.oidc_jwks_url, production=production
            )
        ):
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _lease_outlives_heartbeat(self) -> Self:
        if self.lease_seconds < 2 * self.heartbeat_seconds:
            raise ValueError(
                f"LEASE_SECONDS ({self.lease_seconds:g}) must be at least twice HEARTBEAT_SECONDS "
                f"({self.heartbeat_seconds:g}), or one late heartbeat loses a running task"
            )
        return self

    @model_validator(mode="after")
    def _production_is_guarded(self) -> Self:
        if self.app_env == "production" and (wrong := list(self._unguarded())):
            raise ValueError("; ".join(wrong))
        return self

    def _unguarded(self) -> Iterator[str]:
        """What strangers could use, each with its cure."""
        missing = [
            name
            for name, bad in (
                ("SECRET_KEY (at least 32 characters)", len(self.secret_key) < 32),
                ("FLOWER_PASSWORD (not admin)", self.flower_password in ("", "admin")),
            )
            if bad
        ]
        if missing:
            yield "APP_ENV=production needs " + " and ".join(missing)
        if unlocked := self.open_brokers:
            yield (
                f"APP_ENV=production needs a password in {' and '.join(unlocked)}, because whoever "
                "reaches such a server on another machine can have the workers run tasks, or forge "
                "results: give it one (requirepass) and write redis://:PASSWORD@HOST:6379/0"
            )

    @property
    def open_brokers(self) -> list[str]:
        """The variables that name a server elsewhere from which strangers are not kept.

        A result backend of another kind than Redis may ask for a login that its URL does not show.
        """
        found = [] if has_login(self.celery_broker_url) else ["CELERY_BROKER_URL"]
        results = self.celery_result_backend
        if urlsplit(results).scheme in BROKER_SCHEMES and not has_login(results):
            found.append("CELERY_RESULT_BACKEND")
        return found

    @property
    def resolved_database_url(self) -> str:
        """`DATABASE_URL`, or an SQLite file in `DATA_DIR`."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{(self.data_dir / 'tasks.db').absolute()}"

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks that webhooks may call although they are not public."""
        return tuple(map(ip_network, self.webhook_allowed_networks))

    @property
    def webhook_http(self) -> bool:
        """Whether webhooks may call http, not only https."""
        return self.webhook_allow_http or self.app_env == "development"

    @property
    def is_sqlite(self) -> bool:
        return self.resolved_database_url.startswith("sqlite")


# Set by the worker's processes for one another.
INTERNAL_FIELDS = {"agent_socket", "worker_share"}
# Settings whose value must never be printed.
SECRET_FIELDS = {"secret_key", "flower_password", "metrics_token"}
URL_FIELDS = {"celery_broker_url", "celery_result_backend", "database_url"}


def env_file() -> Path:
    """The dotenv file of this process: `ENV_FILE`, else `.env` in the working directory."""
    return Path(os.environ.get("ENV_FILE", ".env"))


def telemetry_variables() -> dict[str, str]:
    """The standard variables of OpenTelemetry, those that begin with `OTEL_`, by name.

    What the dotenv file has is put into the environment, where OpenTelemetry itself looks.
    """
    from dotenv import dotenv_values

    for name, value in dotenv_values(env_file()).items():
        if name.startswith("OTEL_") and value is not None:
            os.environ.setdefault(name, value)
    return {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}


@cache
def get_settings() -> Settings:
    """The settings of this process, read once.

    Raises `ConfigurationError` with one sentence a line when a value cannot be used.
    """
    try:
        loaded = Settings(_env_file=env_file())
    except ValidationError as exc:
        lines = [_sentence(error) for error in exc.errors()]
        raise ConfigurationError("; ".join(lines)) from None
    if not loaded.secret_key:
        loaded = loaded.model_copy(update={"secret_key": _development_secret(loaded.data_dir)})
    return loaded


def _sentence(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    field = ".".join(str(part) for part in error["loc"]).upper()
    return f"{field}: {message}" if field else message


def _development_secret(data_dir: Path) -> str:
    """A secret generated once into `DATA_DIR`, mode 0600. Never reached in production."""
    path = data_dir / "secret_key"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # O_EXCL: of several processes that start at once, one writes and the others read.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_secret(path)
    except OSError as exc:
        raise ConfigurationError(
            f"DATA_DIR {data_dir.absolute()} cannot be written ({exc.strerror}); "
            "make it writable or set DATA_DIR to a directory that is"
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return _read_secret(path)


def _read_secret(path: Path) -> str:
    import time

    # Another process may have created the file and not written it yet.
    for _ in range(100):
        if value := path.read_text().strip():
            return value
        time.sleep(0.01)
    raise ConfigurationError(f"{path} is empty; delete it and start again")


def has_login(url: str) -> bool:
    """Whether strangers are kept from the server of this address.

    By a password or a client's certificate, or because only this machine reaches it.
    """
    parts = urlsplit(url)
    host = parts.hostname
    by_certificate = "ssl_certfile=" in parts.query or "sslcert=" in parts.query
    return bool(parts.password) or by_certificate or host is None or is_loopback(host)


def masked_url(url: str) -> str:
    """The URL without its password, fit for logs."""
    parts = urlsplit(url)
    if (query := redact.text(parts.query)) != parts.query:
        # PostgreSQL takes a password there as well.
        url = url.replace(parts.query, query)
        parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rsplit("@", 1)[1]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def effective() -> list[tuple[str, str, str]]:
    """`(variable, value, source)` of every setting, secrets masked, for `taskctl config`."""
    from dotenv import dotenv_values

    settings = get_settings()
    in_file = {name.lower() for name in dotenv_values(env_file())}
    in_env = {name.lower() for name in os.environ}
    rows = []
    for name in Settings.model_fields:
        if name in INTERNAL_FIELDS:
            continue
        value = getattr(settings, name)
        if name == "database_url":
            value = settings.resolved_database_url
        if name in SECRET_FIELDS:
            shown = "***" if value else ""
        elif name in URL_FIELDS:
            shown = masked_url(value)
        elif isinstance(value, list):
            shown = ",".join(value)
        else:
            shown = "" if value is None else str(value)
        source = (
            "environment" if name in in_env else str(env_file()) if name in in_file else "default"
        )
        rows.append((name.upper(), shown, source))
    return rows
