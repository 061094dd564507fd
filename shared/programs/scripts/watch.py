"""Leave a watcher at the end of a pipe, then execute a program in this process (shared/processes/supervised.py).

Only built-in modules of the interpreter are used. The watcher is not a child of the program, which may wait for all
of its own children; if it cannot be created, the program is not started. When the pipe closes, the program's
group is killed, however the program ended; with "one" the group is the caller's, and only the program gets SIGTERM.
Neither happens if a byte arrives first: the caller has then waited for the program.
"""

import sys


def watch(watched: int, told: int, inherited: str, target: int, *, group: bool) -> None:
    """Wait for the end of the pipe, then end the group or the program."""
    import _signal as s
    import posix as p

    for number in (s.SIGINT, s.SIGTERM, s.SIGHUP):
        s.signal(number, s.SIG_IGN)
    p.chdir("/")
    if not group:
        p.setsid()
    for handle in {0, 1, 2, told, *map(int, filter(None, inherited.split(",")))}:
        try:
            p.close(handle)
        except OSError:
            pass
    if not p.read(watched, 1):
        p.kill(0 if group else target, s.SIGKILL if group else s.SIGTERM)


def leave_watcher(watched: int, told: int, inherited: str, *, group: bool) -> None:
    """Start the watcher as a grandchild. Raises OSError if it cannot be created."""
    import posix as p

    own, between = p.getpid(), p.fork()
    if not between:
        code = 0
        try:
            if not p.fork():
                watch(watched, told, inherited, own, group=group)
        except OSError as error:
            code = error.errno or 0
        finally:
            p._exit(code)
    code = p.waitstatus_to_exitcode(p.waitpid(between, 0)[1])
    if code:
        raise OSError(code if code > 0 else 11, "")


def main(watched: int, told: int, what: str, coerced: str, path: str, inherited: str, folder: str) -> None:
    """Execute the program at ``path``; on failure write the errno to ``told``, and whether the folder caused it."""
    import _signal as s
    import posix as p

    at = b""
    try:
        leave_watcher(watched, told, inherited, group=what == "group")
        p.close(watched)
        p.set_inheritable(told, False)
        for number in (s.SIGPIPE, s.SIGXFSZ):
            s.signal(number, s.SIG_DFL)
        env = dict(p.environ)
        if coerced == "coerced":
            env.pop(b"LC_CTYPE", None)
        if folder:
            at = b"folder"
            p.chdir(folder)
            at = b""
        p.execve(path, sys.argv[8:], env)
    except OSError as error:
        p.write(told, b"%d %s" % (error.errno or 0, at))
        p._exit(127)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:8])
