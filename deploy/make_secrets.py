"""Write the secrets of a deployment once: `python -m deploy.make_secrets DIRECTORY`.

Three files, for three readers:

`env`                a dotenv file for the system's own processes (`ENV_FILE` names it)
`broker.conf`        the broker's settings with its password
`postgres_password`  for the database's image, which reads it at its first start

The addresses come from the environment (`CELERY_BROKER_URL`, `CELERY_RESULT_BACKEND`,
`DATABASE_URL`), without passwords. So may secrets of one's own (`SECRET_KEY`, `FLOWER_USER`,
`FLOWER_PASSWORD`); what is missing, or still the default, is generated. What was generated
stays: the next start finds the same.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

URLS = ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DATABASE_URL")
# The database keeps the password of its first start, so that of the broker and of the database
# are only ever generated.
INTERNAL = ("BROKER_PASSWORD", "DATABASE_PASSWORD")
OWN = ("SECRET_KEY", "FLOWER_PASSWORD")
DEFAULTS = ("", "admin")

BROKER_CONF = """\
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Write the files. Exit code 2: something is missing or cannot be written."""
    if len(argv) != 1:
        return _refuse("usage: python -m deploy.make_secrets DIRECTORY")
    if missing := [name for name in URLS if not environ.get(name)]:
        return _refuse(f"set {', '.join(missing)} to addresses without passwords")
    folder = Path(argv[0])
    try:
        _let_pass(folder)
        values = _values(folder / "env", environ)
        _write(folder / "env", _dotenv(values), 0o600)
        password = values["BROKER_PASSWORD"]
        # The broker runs as a user of its own, whose number this image does not know.
        _write(folder / "broker.conf", BROKER_CONF.format(password=password), 0o644)
        _write(folder / "postgres_password", values["DATABASE_PASSWORD"], 0o600)
    except ValueError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{folder} cannot be written ({error.strerror}); check the volume's owner")
    return 0


def _let_pass(folder: Path) -> None:
    """Let the broker's user get at its file: a volume begins with the mode of the image's folder."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & stat.S_IXOTH:
        folder.chmod(mode | stat.S_IXOTH)


def _values(env: Path, environ: Mapping[str, str]) -> dict[str, str]:
    known = _read(env)
    values = {name: known.get(name) or secrets.token_urlsafe(32) for name in (*INTERNAL, *OWN)}
    for name in OWN:
        given = environ.get(name, "")
        if given not in DEFAULTS:
            values[name] = _plain(name, given)
    if user := environ.get("FLOWER_USER"):
        values["FLOWER_USER"] = _plain("FLOWER_USER", user)
    for name in URLS:
        password = values["DATABASE_PASSWORD" if name == "DATABASE_URL" else "BROKER_PASSWORD"]
        values[name] = _with_password(environ[name], password)
    return values


def _plain(name: str, value: str) -> str:
    """Raises `ValueError` for text that a dotenv file would not give back unchanged."""
    if any(sign in value for sign in "'\\$\n\r"):
        raise ValueError(f"{name} must not hold quotes, backslashes, dollars or line breaks")
    return value


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user = parts.username or ""
    place = parts.hostname or ""
    if parts.port:
        place += f":{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{place}"))


def _read(env: Path) -> dict[str, str]:
    if not env.exists():
        return {}
    pairs = (line.partition("=") for line in env.read_text().splitlines())
    return {name: value.strip("'") for name, sign, value in pairs if sign}


def _dotenv(values: Mapping[str, str]) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in sorted(values.items()))


def _write(path: Path, text: str, mode: int) -> None:
    """Replace in one step: a start that is interrupted leaves the old file or the new one."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as file:
        os.fchmod(handle, mode)
        file.write(text)
        file.flush()
        os.fsync(handle)
    fresh.replace(path)


def _refuse(reason: str) -> int:
    sys.stderr.write(f"The secrets were not written: {reason}.\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
