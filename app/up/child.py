"""Becomes another program that does not outlive the supervisor.

`python child.py PARENT_PID COMMAND...`. Run by its path and without site-packages, so that it
costs a few milliseconds. The kernel is asked for SIGTERM when the parent dies, which survives
`exec`; asking in the parent between fork and exec is not safe beside threads.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have died before the kernel was asked.
    if os.getppid() != parent:
        sys.exit(0)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
