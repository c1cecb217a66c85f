"""From a fresh machine to a running system: `python3 scripts/bootstrap.py up`.

Uses the standard library alone. This file keeps to the syntax of Python 3.6, so that an old
interpreter can read it, look for a newer one and hand over, or name the line that installs one.
Everything after that (`scripts/environment.py`, `scripts/targets.py`) runs on 3.11 or newer.
"""

import os
import sys

try:
    import shutil
    import subprocess
    from typing import Dict, Iterable, Iterator, List, NoReturn, Optional, Tuple
except ImportError as missing:
    # Debian's python3-minimal, for one.
    sys.exit(
        "This Python has only a part of its standard library (%s). Install the whole, on Debian "
        "and Ubuntu with\n    apt-get install -y python3 python3-venv\nand run the same command "
        "again." % missing
    )

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MINIMUM = (3, 11)
# The newest minor version looked for by name. A newer one is still found as `python3`.
NEWEST_MINOR = 20
# Set for the interpreter that was handed the work, so that it never looks again.
CHOSEN = "TASKSYSTEM_PYTHON_CHOSEN"
# Some systems split the standard library, and a home-made Python may lack a part of it.
NEEDED = ("ssl", "sqlite3", "zlib", "venv", "ctypes")
PROBE = """import sys
missing = []
for name in %r:
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
print("%%d %%d" %% sys.version_info[:2], *missing)
""" % (NEEDED,)


def say(text: str) -> None:
    """One line to the person, on stderr: stdout belongs to the verb's own result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def stop(text: str) -> NoReturn:
    """End with a sentence instead of a traceback."""
    say(text)
    sys.exit(2)


class Interpreter:
    """What a Python says of itself."""

    def __init__(self, path: str, version: Tuple[int, int], missing: List[str]) -> None:
        self.path = path
        self.version = version
        self.missing = missing

    @property
    def suitable(self) -> bool:
        return self.version >= MINIMUM and not self.missing

    def __str__(self) -> str:
        lacks = " without " + ", ".join(self.missing) if self.missing else ""
        return "Python %d.%d%s (%s)" % (self.version + (lacks, self.path))


def probe(path: str) -> Optional[Interpreter]:
    """Ask the interpreter at `path`, or None if it does not run."""
    try:
        out = subprocess.check_output(
            [path, "-c", PROBE], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=20
        )
        major, minor, *missing = out.decode().split()
        return Interpreter(path, (int(major), int(minor)), missing)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def candidates() -> Iterator[str]:
    """Interpreters by name, the newest first, then those of the version managers."""
    for minor in range(NEWEST_MINOR, MINIMUM[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        if found:
            yield found
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found:
            yield found
    home = os.path.expanduser("~")
    for folder in (
        os.path.join(home, ".pyenv", "versions"),
        os.path.join(home, ".local", "share", "uv", "python"),
        os.path.join(home, ".asdf", "installs", "python"),
        "/opt/homebrew/bin/..",
    ):
        for name in sorted(os.listdir(folder), reverse=True) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name, "bin", "python3")
            if os.path.exists(path):
                yield path


def newest(paths: Iterable[str]) -> Tuple[Optional[Interpreter], List[Interpreter]]:
    """The newest suitable interpreter, and those that are not suitable."""
    best: Optional[Interpreter] = None
    others: List[Interpreter] = []
    for path in paths:
        found = probe(path)
        if found and found.suitable:
            if best is None or found.version > best.version:
                best = found
        elif found:
            others.append(found)
    return best, others


def os_release() -> Dict[str, str]:
    """The fields of /etc/os-release; empty where there is none."""
    fields = {}
    try:
        with open("/etc/os-release") as file:
            for line in file:
                name, _, value = line.strip().partition("=")
                fields[name] = value.strip('"')
    except OSError:
        pass
    return fields


def _debian_packages() -> Optional[str]:
    for minor in range(NEWEST_MINOR, MINIMUM[1] - 1, -1):
        name = "python3.%d" % minor
        try:
            shown = subprocess.check_output(["apt-cache", "show", name], stderr=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError):
            continue
        if shown:
            return "apt-get install -y %s %s-venv" % (name, name)
    return None


def install_line() -> Optional[str]:
    """The line that installs a suitable Python on this system, or None if it has none."""
    sudo = "" if not hasattr(os, "geteuid") or os.geteuid() == 0 else "sudo "
    release = os_release()
    family = (release.get("ID", "") + " " + release.get("ID_LIKE", "")).split()
    if sys.platform == "darwin":
        return "brew install python@3.13"
    if "debian" in family or "ubuntu" in family:
        line = _debian_packages()
        return sudo + line if line else None
    if "fedora" in family or "rhel" in family:
        return sudo + "dnf install -y " + ("python3" if family[0] == "fedora" else "python3.12")
    if "alpine" in family:
        return sudo + "apk add python3"
    if "arch" in family:
        return sudo + "pacman -S --needed python"
    if "suse" in family or "opensuse" in family:
        return sudo + "zypper install -y python313"
    return None


def refuse(others: List[Interpreter]) -> NoReturn:
    """No suitable Python: say what is here and the line that brings one."""
    here = "The task system needs Python 3.11 or newer; here is "
    here += ", ".join(str(other) for other in others) or "none"
    line = install_line()
    if line:
        stop("%s. Install it with\n    %s\nand run the same command again." % (here, line))
    stop(
        here + ", and the packages known to this system offer no other. Install one, for example "
        "with pyenv or uv, and run the same command again, or name it: "
        "PYTHON=/path/to/python3.13 make up"
    )


def chosen_python(asked: str) -> str:
    """The interpreter to go on with: the one asked for, else the newest one found."""
    if not asked:
        best, others = newest(candidates())
        if best is None:
            refuse(others)
        return best.path
    found = probe(shutil.which(asked) or asked)
    if found is None:
        stop("PYTHON=%s does not run; name a Python 3.11 or newer, or leave it out." % asked)
    if not found.suitable:
        stop("PYTHON=%s is %s; a whole Python 3.11 or newer is needed." % (asked, found))
    return found.path


def hand_over(python: str, argv: List[str]) -> NoReturn:
    """Continue in `python`, in this very process."""
    os.environ[CHOSEN] = "1"
    os.execv(python, [python, os.path.abspath(__file__)] + argv)


def settled() -> bool:
    """Whether any suitable Python will do, since the environment stands: saves the search."""
    if os.environ.get("PYTHON") or sys.version_info < MINIMUM:
        return False
    try:
        with open(os.path.join(ROOT, ".venv", "bootstrap.json")) as file:
            return '"ready"' in file.read()
    except OSError:
        return False


def main(argv: List[str]) -> int:
    """Find a suitable Python, then run the verb."""
    if os.name == "nt":
        stop("Windows is not supported; run this in WSL 2.")
    if not os.environ.pop(CHOSEN, "") and not settled():
        hand_over(chosen_python(os.environ.get("PYTHON", "")), argv)
    os.chdir(ROOT)
    sys.path.insert(0, ROOT)
    from scripts import targets

    return targets.run(argv)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("\nInterrupted. Run the same command again; it goes on from here.")
        sys.exit(130)
