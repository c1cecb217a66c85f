"""`python -m bench.peers.lock [NAME...]`: compile the peers' lock files anew from `*.in`."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from bench.peers.environments import REQUIREMENTS

# As `make lock`: bad releases are withdrawn within days.
QUARANTINE_DAYS = 7


def main(names: list[str]) -> int:
    """Lock the named peers, or all; the exit code of the first that failed."""
    newest = datetime.now(UTC) - timedelta(days=QUARANTINE_DAYS)
    for source in sorted(REQUIREMENTS.glob("*.in")):
        if names and source.stem not in names:
            continue
        command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--upgrade"]
        command += ["--generate-hashes", "--only-binary", ":all:", "--emit-build-options"]
        command += ["--quiet", "--exclude-newer", f"{newest:%Y-%m-%d}"]
        command += ["--custom-compile-command", "python -m bench.peers.lock"]
        command += [source.name, "-o", f"{source.stem}.txt"]
        if code := subprocess.run(command, cwd=REQUIREMENTS).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
