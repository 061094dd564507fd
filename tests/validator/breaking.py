"""The world that a mutation breaks, and the ways to break it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable

from bundle.product.application import Container, Dashboard, Launcher
from bundle.signing.policy import RELEASE_NAMESPACE
from bundle.signing.signature import ED25519
from bundle.target import host_target
from installer.hardware import processor
from installer.install import requirements
from installer.layout import seal
from installer.logs import audit_log
from installer.release import receipt as receipts
from shared.files import files
from shared.processes import cgroups
from tests import everyone
from tests.installed import APP, APPLICATION, BASE, LIB, PROBE, make_prefix
from tests.keys import SoftKey
from tests.validator.checking import change, take_any_speed
from tests.wheels import Wheel
from validator.check import FAIL, OPERATOR, RECOVER, WARN
from validator.checks.performance import disk as performance_disk
from validator.checks.performance import matrix as performance_matrix
from validator.checks.performance import memory as performance_memory

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

LIMIT = 20.0  # seconds that a check has
# as much of numpy as the measurement uses, for matrices of one value
NUMPY = """\
__version__ = "2.0.0"
class full:
    def __init__(self, shape, value):
        self.size, self.value = shape[0], value
    def __matmul__(self, other):
        return full((self.size,), self.size * self.value * other.value)
    def __getitem__(self, place):
        return self.value
"""
SERVE = b"""\
if sys.argv[1:2] == ["serve"]:
    import http.server
    class Page(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Page).serve_forever()
"""
RAN = b"import demo_lib\n"


@dataclass(frozen=True)
class World:
    """A sound installation to break, a folder for what it takes, and a way to change what the host says."""

    prefix: Prefix
    folder: Path
    patch: pytest.MonkeyPatch

    @property
    def release(self) -> Release:
        named = self.prefix.named()
        assert named is not None
        return named

    @property
    def site(self) -> Path:
        return self.release.site_packages(f"{sys.version_info[0]}.{sys.version_info[1]}")

    @property
    def app(self) -> Path:
        return self.release.app / "app.py"

    def append(self, path: Path, data: bytes) -> None:
        change(path, path.read_bytes() + data)

    def program(self, name: str, script: str) -> Path:
        """Make a program of the host's that does something else."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def receipt(self, **changes: Any) -> None:
        """Give the release another receipt, sealed as the right one is."""
        receipt = receipts.read_receipt(self.release)
        change(self.release.receipt_file, replace(receipt, **changes).to_bytes())
        seal.mark_complete(self.release)

    def replaced(self, name: str, value: Any) -> None:
        self.patch.setattr(f"validator.checks.{name}", value)

    def glibc(self, found: tuple[int, int] | None) -> None:
        self.patch.setattr(requirements, "host_glibc", lambda: found)

    def bound(self, name: str, value: float, *, at_least: bool) -> None:
        from validator.checks.performance import measured

        self.patch.setitem(measured.DEFAULTS, name, measured.Bound(value, at_least=at_least))

    def cgroup(self, name: str, text: str) -> None:
        (self.folder / "own").write_text("0::/a\n")
        (self.folder / "groups" / "a").mkdir(parents=True)
        (self.folder / "groups" / "a" / name).write_text(text)
        self.patch.setattr(cgroups, "CGROUPS", self.folder / "groups")
        self.patch.setattr(cgroups, "OWN", self.folder / "own")


@dataclass(frozen=True)
class Mutation:
    """What is broken, how, the check that must notice it, with which status, and what must help (None: by status)."""

    what: str
    check: str
    do: Callable[[World], object]
    status: str = FAIL
    limit: float = LIMIT
    as_root: bool = True
    helps: str | None = None

    @property
    def remedy(self) -> str | None:
        """What helps: of what is not said, recover mends what fails, and the operator sees to what warns."""
        return {FAIL: RECOVER, WARN: OPERATOR}.get(self.status) if self.helps is None else self.helps


def instead(path: Path) -> Path:
    """Make way for something else."""
    files.remove_tree(path)
    return path


def by_hand(*mutations: Mutation) -> tuple[Mutation, ...]:
    """Return mutations of which no repair mends anything: they are the host's or the user's own."""
    return tuple(replace(mutation, helps=OPERATOR) for mutation in mutations)


def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a sound installation on a sound host."""
    monkeypatch.setattr(performance_disk, "BLOCKS", 2)
    monkeypatch.setattr(performance_matrix, "SECONDS", 0.01)
    monkeypatch.setattr(performance_memory, "SIZE", 1 << 20)
    take_any_speed(monkeypatch)
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("DEMO_API_KEY", "of the caller")
    folder = tmp_path / "of the host"
    folder.mkdir()
    return World(installation(tmp_path), folder, monkeypatch)


BUILD = Launcher("try-container", "program", "build.py", cwd="app", program="import demo_lib; demo_lib.embed('', [])")


def installation(folder: Path) -> Prefix:
    """Return a sound installation of which every check has something to look at."""
    torch = Wheel("torch", "2.0.0", {"torch.py": ""})
    return make_prefix(
        folder,
        wheels=(LIB, BASE, Wheel("numpy", "2.0.0", {"numpy.py": NUMPY}), torch),
        source={"app.py": APP.replace(RAN, RAN + SERVE), "data/table.csv": b"1\n"},
        probe=PROBE,
        application=replace(
            APPLICATION,
            launchers=(*APPLICATION.launchers, BUILD),
            dashboard=Dashboard(("demo", "serve", "{port}")),
            container=Container("demo_lib:embed", ("try-container",)),
        ),
    )


def flip(path: Path) -> None:
    """Change one bit in the middle of a file; size and times stay."""
    data, status = bytearray(path.read_bytes()), path.stat()
    data[len(data) // 2] ^= 1
    change(path, bytes(data))
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def signature(world: World) -> Path:
    (path,) = world.release.bundle.glob("*.sig")
    return path


def sign_as_a_stranger(world: World) -> None:
    sums = (world.release.bundle / "SHA256SUMS").read_bytes()
    change(signature(world), SoftKey(ED25519).sign(sums, RELEASE_NAMESPACE))


def link_elsewhere(path: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    files.remove_tree(path)
    os.symlink(target, path)


def interpreter(world: World, script: str) -> None:
    path = world.release.python
    path.unlink()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def plant(path: Path, data: bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def kept(world: World, kind: str, name: str = "") -> Path:
    entry = next(entry for entry in world.release.manifest().of_kind(kind) if entry.path.endswith(name))
    path = world.prefix.store / entry.sha256[:2] / entry.sha256
    path.chmod(0o644)
    return path


def leak(world: World, path: Path, text: str) -> None:
    for folder in (world.prefix.root, *[parent for parent in path.parents if world.prefix.root in parent.parents]):
        folder.chmod(0o755)
    everyone.let_in(world.prefix.root)
    plant(path, text.encode())
    path.chmod(0o644)


def settings(world: World, data: bytes) -> None:
    world.prefix.env_file.write_bytes(data)
    world.prefix.env_file.chmod(0o600)
    for name in ("DEMO_API_KEY", "RAGTRACE_CALLER_NAMES"):
        world.patch.delenv(name, raising=False)


def small_disk(world: World, free: int) -> None:
    world.replaced("system.disk.shutil.disk_usage", lambda path: SimpleNamespace(free=free))


def memory(world: World, available: int) -> None:
    world.patch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=8 << 30, available=available))


def old_processor(world: World) -> None:
    world.patch.setattr(requirements, "INTEL", (host_target().architecture,))
    world.patch.setattr(processor, "features", lambda: frozenset({"sse2"}))


def module(name: str, text: str) -> Callable[[World], None]:
    return lambda world: change(world.site / name, text.encode())


def application(text: str) -> Callable[[World], None]:
    return lambda world: change(world.app, text.encode())


def lacks_a_library(world: World) -> None:
    """Let commands end as they do where a shared library is missing; nothing that is installed is damaged."""
    script = "echo libgomp.so.1: cannot open shared object file >&2; exit 127"
    world.patch.setattr("validator.trials.trial.SHELL", str(world.program("sh", script)))


def spoil_model(world: World) -> None:
    flip(world.release.models / "tiny" / "weights.json")
    flip(kept(world, "model", "weights.json"))


def forge(world: World, path: Path, data: bytes, *, in_the_log: bool = False) -> None:
    """Alter an installed file and write anew all that vouches for it on this host: RECORD, receipt, mark, audit log."""
    change(path, data)
    release, name = world.release, os.path.relpath(path, world.site)
    for record in world.site.glob("*.dist-info/RECORD"):
        lines = [line.split(",") for line in record.read_text().splitlines()]
        if any(line[0] == name for line in lines):
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            lines = [[name, f"sha256={digest}", str(len(data))] if line[0] == name else line for line in lines]
            change(record, "".join(f"{','.join(line)}\n" for line in lines).encode())
    items = receipts.take_inventory(release, world.site)
    world.receipt(items=items)
    if in_the_log:
        rewrite_log(world.prefix, seal.receipt_sha256(release))


def rewrite_log(prefix: Prefix, receipt_sha256: str) -> None:
    """Give the last line of the audit log, whose hash nobody kept, another receipt."""
    path = audit_log.log_file(prefix)
    *previous, last = path.read_text().splitlines()
    entry = {**json.loads(last), "receipt_sha256": receipt_sha256}
    path.write_text("".join(f"{line}\n" for line in (*previous, json.dumps(entry, sort_keys=True))))


def forge_a_module(world: World, *, in_the_log: bool = False) -> None:
    forge(world, world.site / "demo_base.py", b"NAME = 'evil'\n", in_the_log=in_the_log)


def forge_and_take_the_wheel(world: World) -> None:
    """Replace the wheel in the store too, by one that holds the altered module."""
    forge_a_module(world, in_the_log=True)
    (entry,) = (one for one in world.release.manifest().of_kind("wheel") if "demo_base" in one.path)
    change(
        world.prefix.store / entry.sha256[:2] / entry.sha256,
        replace(BASE, modules={"demo_base.py": "NAME = 'evil'\n"}).build(),
    )


PRIVATE_KEY = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n"
DEMO_LIB = "demo_lib-1.2.0.dist-info"
