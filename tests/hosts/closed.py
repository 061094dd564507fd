"""A closed host: a Debian file tree of its own, in namespaces of its own, with no network at all.

Everything hangs on one process that waits for its standard input to close. When the test closes it, or dies in
any way, the kernel ends that process, with it every process of the host, and with them its mounts.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from shared.processes import process
from tests.hosts import needs
from tests.hosts.roots import OPERATOR, OPERATOR_ID, RECIPES, ready_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BOOT = Path(__file__).with_name("boot.sh")
NAMESPACES = ("--mount", "--pid", "--ipc", "--uts")
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOMES = {"root": "/root", OPERATOR: f"/home/{OPERATOR}"}
LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as s:  # SIOCSIFFLAGS, IFF_UP (netdevice(7)): iproute2 is not on every machine
    fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x1))
"""


class Host:
    """One running closed host; ``root`` is its file tree as seen from outside.

    Paths below ``root`` are followed by this machine: an absolute symlink inside would lead outside.
    """

    def __init__(self, name: str, python: str, pid: int) -> None:
        self.name = name
        self.python = python
        self.root = Path(f"/proc/{pid}/root")
        self._pid = str(pid)

    def run(
        self,
        *argv: str,
        timeout: float = 120,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
        loopback: bool = False,
        stdin: bytes | None = None,
        through: Sequence[str] = (),
    ) -> process.Completed:
        """Run a program inside and return how it ended; ``timeout`` is in seconds.

        Each run has an empty network of its own, with lo down; with ``loopback`` it joins the host's, where lo is up.
        ``through`` is a command of this machine that runs the rest, as faults.kill_at gives it.
        """
        inside = self._entering(argv, user=user, cwd=cwd, loopback=loopback)
        return process.run([*through, *inside], env=_environment(user, env), timeout=timeout, stdin=stdin)

    def beside(self, *argv: str, timeout: float = 120) -> process.Completed:
        """Run a program of this machine, with its files, on the host's loopback: a browser, say."""
        return process.run(["nsenter", "--target", self._pid, "--net", "--", *argv], timeout=timeout)

    @contextmanager
    def background(
        self,
        *argv: str,
        ready: str,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
    ) -> Iterator[list[str]]:
        """Run a server inside, on the host's loopback, once it has written a line with ``ready``; yields its lines."""
        server = subprocess.Popen(
            self._entering(argv, user=user, cwd=cwd, loopback=True),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(user, env),
            start_new_session=True,
        )
        assert server.stdout is not None
        lines: list[str] = []
        settled = threading.Event()
        reader = threading.Thread(target=_collect, args=(server.stdout, lines, ready, settled), daemon=True)
        reader.start()
        try:
            settled.wait(timeout)
            assert any(ready in line for line in lines), f"{argv[0]} never wrote {ready!r}: {lines}"
            yield lines
        finally:
            process.kill_tree(server)
            server.wait()
            reader.join()
            server.stdout.close()

    def path(self, inside: str) -> Path:
        """Return where an absolute path of the host lies as seen from outside."""
        return self.root / inside.lstrip("/")

    def put(self, source: Path, target: str, *, user: str = "root") -> None:
        """Copy a file or a folder of this machine to the path ``target`` inside, owned by ``user``."""
        there = self.path(target)
        there.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, there)
        owner = OPERATOR_ID if user == OPERATOR else 0
        for path in (there, *there.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)

    def get(self, source: str, target: Path) -> Path:
        """Copy a file or a folder out of the host to the path ``target``, and return that."""
        _copy(self.path(source), target)
        return target

    def mount_tmpfs(self, target: str, *, size: str, inodes: int = 0) -> None:
        """Mount an empty file system of ``size`` (4m) at ``target``, for tests of a full disk; 0 inodes: no bound."""
        self.path(target).mkdir(parents=True, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes},mode=1777", "small", target)

    def make_readonly(self, target: str) -> None:
        """Make a folder of the host refuse every write, root's too."""
        self._mount("--bind", target, target)
        self._mount("-o", "remount,bind,ro", target)

    def make_noexec(self, target: str) -> None:
        """Make a folder of the host refuse to execute its files."""
        self._mount("--bind", target, target)
        self._mount("-o", "remount,bind,noexec", target)

    def unmount(self, target: str) -> None:
        """Undo the last of the three above at ``target``."""
        _succeeded(self.run("umount", target))

    def _mount(self, *arguments: str) -> None:
        _succeeded(self.run("mount", *arguments))

    def _entering(self, argv: Sequence[str], *, user: str, cwd: str, loopback: bool) -> list[str]:
        enter = ["nsenter", "--target", self._pid, *NAMESPACES, f"--wdns={cwd}"]
        if loopback:
            enter.append("--net")
        else:
            enter = ["unshare", "--net", *enter]
        if user == OPERATOR:
            enter += [f"--setuid={OPERATOR_ID}", f"--setgid={OPERATOR_ID}"]
        return [*enter, "--", *argv]


@contextmanager
def closed_host(name: str, scratch: Path, *, how: str = "overlay") -> Iterator[Host]:
    """Start a fresh host of one of RECIPES; see ``started``. Raises Unavailable."""
    needs.root_on_linux()
    recipe = RECIPES[name]
    with started(ready_root(recipe), name, recipe.python, scratch, how=how) as host:
        yield host


@contextmanager
def started(root: Path, name: str, python: str, scratch: Path, *, how: str = "overlay") -> Iterator[Host]:
    """Start a fresh host upon a file tree, its changes kept in the folder ``scratch``, which ends with it.

    ``how`` is ``overlay``, ``memory`` or ``copy``, each falling back to the next (boot.sh). Raises Unavailable.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    argv = ["unshare", *NAMESPACES, "--net", "--fork", "--kill-child=KILL", "--propagation=private"]
    argv += ["bash", str(BOOT), str(root), str(scratch), how]
    keeper = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    assert keeper.stderr is not None
    try:
        if keeper.stdout.readline() != "booted\n":
            raise needs.Unavailable(f"a closed host cannot be started: {keeper.stderr.read()}", installable=False)
        first = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()[0]
        host = Host(name, python, int(first))
        _succeeded(process.run(["nsenter", "--target", first, "--net", sys.executable, "-c", LOOPBACK_UP], timeout=30))
        yield host
    finally:
        keeper.stdin.close()
        try:
            keeper.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait()
        keeper.stdout.close()
        keeper.stderr.close()
        shutil.rmtree(scratch)


def _environment(user: str, extra: Mapping[str, str] | None) -> dict[str, str]:
    return {"PATH": SEARCH_PATH, "HOME": HOMES[user], "USER": user, "LANG": "C.UTF-8", **(extra or {})}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _collect(stream: IO[bytes], lines: list[str], ready: str, settled: threading.Event) -> None:
    for line in stream:
        lines.append(line.decode(errors="replace"))
        if ready in lines[-1]:
            settled.set()
    settled.set()


def _succeeded(done: process.Completed) -> None:
    assert done.ok, f"{' '.join(done.argv)}: {done.stderr}"
