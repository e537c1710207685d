"""Run a program that ends with whoever started it, also when the starter is killed with SIGKILL.

`python -I -S guard.py PROGRAM ARGUMENT...` is started as the leader of a session, with a pipe as standard input whose other end only the starter holds.
A watcher is forked off and the program is then executed in this very process, so that the pid the starter knows is the program's own.
The watcher kills the program's process group when the pipe closes, and ends when the program does. A parent-death signal would not do:
the kernel sends it when the starting thread ends, not when the process does.
"""

import contextlib
import os
import select
import signal
import sys

_POLL_SECONDS = 0.5


def main() -> None:
    """Fork the watcher and become the program."""
    target = os.getpid()
    middle = os.fork()
    if middle == 0:
        _detach_watcher(target)
    os.waitpid(middle, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.execvp(sys.argv[1], sys.argv[1:])


def _detach_watcher(target: int) -> None:
    """Become a grandchild in a session of its own: a signal to the program's group must not reach the watcher, nor the program inherit it as a child."""
    os.setsid()
    if os.fork() == 0:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        _watch(target)
    os._exit(0)


def _watch(target: int) -> None:
    pidfd = os.pidfd_open(target) if hasattr(os, "pidfd_open") else None
    while True:
        readable, _, _ = select.select(
            [0] if pidfd is None else [0, pidfd], [], [], None if pidfd is not None else _POLL_SECONDS
        )
        if pidfd in readable or (pidfd is None and not _exists(target)):
            os._exit(0)
        if 0 in readable and not os.read(0, 1):
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(target, signal.SIGKILL)
    os._exit(0)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
