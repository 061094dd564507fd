"""Ways to break a host or an installation, each with the check that must notice it and with what helps.

``python -m tools.reference`` writes the table into docs/mutations.md; tests/validator/test_mutations.py does each.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable

from bundle.product.application import Container, Dashboard, Launcher
from bundle.signing.policy import RELEASE_NAMESPACE
from bundle.signing.signature import ED25519
from bundle.target import host_target
from installer.install import processor, requirements
from installer.layout import seal
from installer.logs import audit_log
from installer.release import receipt as receipts
from shared.files import files
from tests import everyone
from tests.installed import APP, APPLICATION, BASE, LIB, PROBE, make_prefix
from tests.keys import SoftKey
from tests.validator.checking import change, take_any_speed
from tests.wheels import Wheel
from validator.check import BUNDLE, ERROR, FAIL, OPERATOR, RECOVER, WARN
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
        self.replaced("system.limits.CGROUPS", self.folder / "groups")
        self.replaced("system.limits.OWN", self.folder / "own")


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

RELEASES = (
    Mutation("current is gone", "ragtrace.release", lambda w: w.prefix.current.unlink()),
    Mutation(
        "current names a release that is not there",
        "ragtrace.release",
        lambda w: shutil.rmtree(w.release.path),
    ),
    Mutation(
        "current points outside the prefix", "ragtrace.release", lambda w: link_elsewhere(w.prefix.current, w.folder)
    ),
    Mutation("a release without COMPLETE", "ragtrace.release", lambda w: w.release.complete_file.unlink()),
    Mutation("MANIFEST.json is gone", "ragtrace.release", lambda w: (w.release.bundle / "MANIFEST.json").unlink()),
    Mutation(
        "MANIFEST.json is cut off", "ragtrace.release", lambda w: change(w.release.bundle / "MANIFEST.json", b"{")
    ),
    Mutation("the receipt is gone", "ragtrace.release", lambda w: w.release.receipt_file.unlink()),
    Mutation(
        "a byte more in MANIFEST.json",
        "security.integrity",
        lambda w: w.append(w.release.bundle / "MANIFEST.json", b" "),
    ),
    Mutation("a bit flipped in the receipt", "security.integrity", lambda w: flip(w.release.receipt_file)),
    Mutation(
        "the receipt of another release", "security.integrity", lambda w: w.receipt(release=w.release.id[:-1] + "7")
    ),
    Mutation(
        "a receipt of packages that nobody signed",
        "security.integrity",
        lambda w: w.receipt(locked=False),
        WARN,
        helps=RECOVER,
    ),
    Mutation(
        "a line more in SHA256SUMS",
        "security.integrity",
        lambda w: w.append(w.release.bundle / "SHA256SUMS", b"0" * 64 + b"  Z\n"),
    ),
    Mutation("the signature is gone", "security.integrity", lambda w: signature(w).unlink()),
    Mutation("a signature by an untrusted key", "security.integrity", sign_as_a_stranger),
    Mutation("a bit flipped in run.json", "security.integrity", lambda w: flip(w.release.run_file)),
    Mutation("a bit flipped in pyvenv.cfg", "security.integrity", lambda w: flip(w.release.venv / "pyvenv.cfg")),
    Mutation(
        "a file more in the application", "security.integrity", lambda w: plant(w.release.app / "sitecustomize.py")
    ),
    Mutation(
        "planted bytecode of a module",
        "security.integrity",
        lambda w: plant(w.site / "__pycache__" / "demo_base.cpython-399.pyc", b"evil"),
    ),
    Mutation(
        "a program more in the environment", "security.integrity", lambda w: plant(w.release.venv / "bin" / "pip")
    ),
    Mutation("a module, its RECORD, receipt and mark written anew", "security.receipt", forge_a_module),
    Mutation(
        "a module, its RECORD, receipt, mark and audit log written anew",
        "security.signed",
        lambda w: forge_a_module(w, in_the_log=True),
    ),
    Mutation(
        "all of that, and the wheel in the store replaced",
        "security.signed",
        forge_and_take_the_wheel,
        ERROR,
        helps=BUNDLE,
    ),
    Mutation(
        "a file more in the application, and all records of it",
        "security.signed",
        lambda w: forge(w, w.release.app / "sitecustomize.py", b"", in_the_log=True),
    ),
    Mutation(
        "the application altered, and all records of it",
        "security.signed",
        lambda w: forge(w, w.app, b"print(1)\n", in_the_log=True),
    ),
    Mutation(
        "run.json altered, and all records of it",
        "security.signed",
        lambda w: forge(w, w.release.run_file, b"{}", in_the_log=True),
    ),
    Mutation(
        "a line of the audit log altered",
        "security.receipt",
        lambda w: audit_log.log_file(w.prefix).write_text('{"previous": "0"}\n'),
        WARN,
    ),
    Mutation("a stored wheel is damaged", "ragtrace.store", lambda w: flip(kept(w, "wheel")), WARN, helps=BUNDLE),
    Mutation("a stored source is gone", "ragtrace.store", lambda w: kept(w, "source").unlink(), WARN, helps=RECOVER),
    Mutation("the lock is a folder", "ragtrace.places", lambda w: instead(w.prefix.state / "lock").mkdir()),
    Mutation("the journal is a pipe", "ragtrace.places", lambda w: os.mkfifo(instead(w.prefix.state / "journal.json"))),
    Mutation("the audit log is gone", "ragtrace.places", lambda w: instead(audit_log.log_file(w.prefix))),
    Mutation(
        "anybody can write an installed file", "security.permissions", lambda w: (w.site / "demo_base.py").chmod(0o666)
    ),
    Mutation("anybody can write the launchers' folder", "security.permissions", lambda w: w.prefix.bin.chmod(0o777)),
    Mutation("anybody can write the prefix", "security.permissions", lambda w: w.prefix.root.chmod(0o1777)),
    Mutation(
        "a file of the application gives its owner's rights", "security.permissions", lambda w: w.app.chmod(0o4555)
    ),
)
PACKAGES = (
    Mutation("a module is gone", "packages.record", lambda w: (w.site / "demo_base.py").unlink()),
    Mutation(
        "a bit flipped in a module, its size and times the same",
        "packages.record",
        lambda w: flip(w.site / "demo_base.py"),
    ),
    Mutation("a module is cut off", "packages.record", lambda w: change(w.site / "demo_lib" / "__init__.py", b"")),
    Mutation("a module that no package has", "packages.record", lambda w: plant(w.site / "json.py")),
    Mutation("a planted .pth file", "packages.record", lambda w: plant(w.site / "planted.pth", b"import os\n")),
    Mutation(
        "a folder of packages linked in",
        "packages.record",
        lambda w: link_elsewhere(w.site / "extra", w.folder / "extra"),
    ),
    Mutation(
        "a module is a link", "packages.record", lambda w: link_elsewhere(w.site / "demo_base.py", w.folder / "x")
    ),
    Mutation("RECORD is gone", "packages.record", lambda w: (w.site / DEMO_LIB / "RECORD").unlink()),
    Mutation("RECORD is no text", "packages.record", lambda w: change(w.site / DEMO_LIB / "RECORD", b"\xff\xfe")),
    Mutation("RECORD is emptied", "packages.record", lambda w: change(w.site / DEMO_LIB / "RECORD", b"")),
    Mutation("all packages are gone", "packages.record", lambda w: shutil.rmtree(w.site)),
    Mutation("a package is not installed", "packages.versions", lambda w: shutil.rmtree(w.site / DEMO_LIB)),
    Mutation(
        "a package of another version",
        "packages.versions",
        lambda w: (w.site / DEMO_LIB).rename(w.site / "demo_lib-9.dist-info"),
    ),
    Mutation(
        "a package twice",
        "packages.versions",
        lambda w: shutil.copytree(w.site / DEMO_LIB, w.site / "demo_lib-9.dist-info"),
    ),
    Mutation(
        "a package that the lock does not have",
        "packages.versions",
        lambda w: plant(w.site / "other-1.dist-info" / "METADATA"),
    ),
    Mutation(
        "a package asks for one that is not there",
        "packages.conflicts",
        lambda w: w.append(w.site / DEMO_LIB / "METADATA", b"Requires-Dist: other\n"),
    ),
    Mutation("uv cannot inspect the environment", "packages.conflicts", lambda w: interpreter(w, "exit 3"), ERROR),
    Mutation("an import raises", "packages.imports", module("demo_base.py", "raise ImportError('libx is missing')")),
    Mutation(
        "an import ends by a segmentation fault",
        "packages.imports",
        module("demo_base.py", "import os; os.kill(os.getpid(), 11)"),
    ),
    Mutation("an import exits with success", "packages.imports", module("demo_base.py", "import os; os._exit(0)")),
    Mutation("an import raises SystemExit", "packages.imports", module("demo_base.py", "raise SystemExit(0)")),
    Mutation(
        "an import never ends", "packages.imports", module("demo_base.py", "import time; time.sleep(600)"), limit=2.0
    ),
    Mutation(
        "an import prints our own answer and dies",
        "packages.imports",
        module("demo_base.py", "import os; print('ragtrace-answer [0.1, null]', flush=True); os._exit(1)"),
    ),
)
APPLICATIONS = (
    Mutation("the application ends with an error", "ragtrace.cli", application("import sys; sys.exit('no database')")),
    Mutation("the application's file is gone", "ragtrace.cli", lambda w: w.app.unlink()),
    Mutation("the application never ends", "ragtrace.cli", application("import time; time.sleep(600)"), limit=2.0),
    Mutation("a library of the host's is missing", "ragtrace.cli", lacks_a_library, helps=OPERATOR),
    Mutation("launch.py is gone", "ragtrace.cli", lambda w: w.release.launch_file.unlink()),
    Mutation("a launcher is gone", "ragtrace.cli", lambda w: (w.prefix.bin / "demo").unlink()),
    Mutation("a launcher does something else", "ragtrace.cli", lambda w: w.append(w.prefix.bin / "demo", b"# more\n")),
    Mutation("a launcher may not be executed", "ragtrace.cli", lambda w: (w.prefix.bin / "demo").chmod(0o644)),
    Mutation(
        "a launcher is a link",
        "ragtrace.cli",
        lambda w: ((w.prefix.bin / "demo").rename(w.folder / "d"), os.symlink(w.folder / "d", w.prefix.bin / "demo")),
    ),
    Mutation(
        "the interpreter is gone",
        "system.python",
        lambda w: (w.release.python.unlink(), os.symlink("/nowhere/python3", w.release.python)),
    ),
    Mutation(
        "the interpreter does not start",
        "system.python",
        lambda w: interpreter(w, "echo libpython is missing >&2; exit 127"),
    ),
    Mutation(
        "the interpreter is another Python",
        "system.python",
        lambda w: interpreter(w, "echo 'ragtrace-answer [\"cpython\", [3, 8, 1], false]'"),
    ),
    Mutation("the interpreter never answers", "system.python", lambda w: interpreter(w, "exec sleep 600"), limit=2.0),
    Mutation(
        "the base interpreter was updated",
        "system.python",
        lambda w: w.receipt(interpreter_sha256="0" * 64),
        WARN,
        helps=RECOVER,
    ),
    Mutation(
        "a model file is gone", "ragtrace.models", lambda w: (w.release.models / "tiny" / "weights.json").unlink()
    ),
    Mutation(
        "a model file is cut off", "ragtrace.models", lambda w: change(w.release.models / "tiny" / "weights.json", b"[")
    ),
    Mutation(
        "a bit flipped in a model file", "ragtrace.models", lambda w: flip(w.release.models / "tiny" / "config.json")
    ),
    Mutation("a model file and its stored copy are damaged", "ragtrace.models", spoil_model, helps=BUNDLE),
    Mutation(
        "the model answers something else",
        "ragtrace.probe",
        lambda w: change(w.release.models / "tiny" / "weights.json", b"[0.6, -0.25]"),
    ),
    Mutation(
        "the model answers with fewer numbers",
        "ragtrace.probe",
        lambda w: change(w.release.models / "tiny" / "weights.json", b"[0.5]"),
    ),
    Mutation("the model answers with no number", "ragtrace.probe", application("print('[NaN, NaN]')")),
    Mutation("the model's command prints nothing", "ragtrace.probe", application("")),
    Mutation(
        "the dashboard answers with an error",
        "ragtrace.dashboard",
        lambda w: change(w.app, w.app.read_bytes().replace(b"200", b"500")),
    ),
    Mutation("the dashboard ends at once", "ragtrace.dashboard", application("import sys; sys.exit('no template')")),
    Mutation(
        "the dashboard never answers", "ragtrace.dashboard", application("import time; time.sleep(600)"), limit=2.0
    ),
    Mutation(
        "the container is gone",
        "ragtrace.container",
        lambda w: change(w.site / "demo_lib" / "__init__.py", b"def other():\n    pass\n"),
    ),
    Mutation(
        "the container builds nothing",
        "ragtrace.container",
        lambda w: change(w.site / "demo_lib" / "__init__.py", b"embed = object()\n"),
    ),
    Mutation("the user's data folder is gone", "ragtrace.data", lambda w: shutil.rmtree(w.prefix.data), helps=OPERATOR),
    Mutation(
        "the application's data lead elsewhere",
        "ragtrace.data",
        lambda w: link_elsewhere(w.release.app / "data", w.folder / "other"),
    ),
    Mutation(
        "the user's data cannot be written",
        "ragtrace.data",
        lambda w: w.replaced("application.data.os.access", lambda *_arguments: False),
        helps=OPERATOR,
    ),
    Mutation("a required setting is missing", "ragtrace.settings", lambda w: settings(w, b"DEMO_COLOUR=red\n"), WARN),
    Mutation(
        "a setting has the example's value",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=your-key\n"),
        WARN,
    ),
    Mutation(
        "a setting in .env that nobody loads",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=x\nDEMO_COLOR=red\n"),
        WARN,
        helps=OPERATOR,
    ),
    Mutation(
        "a setting in .env that the release overrides",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=x\nDEMO_MODEL=/elsewhere\n"),
        WARN,
        helps=OPERATOR,
    ),
    Mutation(
        "a line of .env that sets nothing",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=x\nset DEMO_COLOUR=red\n"),
        WARN,
        helps=OPERATOR,
    ),
    Mutation(
        ".env is no UTF-8", "ragtrace.settings", lambda w: settings(w, b"DEMO_API_KEY=\xb3\xa1\n"), helps=OPERATOR
    ),
    Mutation(
        ".env is a folder",
        "ragtrace.settings",
        lambda w: (files.remove_tree(w.prefix.env_file), w.prefix.env_file.mkdir()),
        helps=OPERATOR,
    ),
)
SECURITY = by_hand(
    Mutation(".env can be read by others", "security.permissions", lambda w: w.prefix.env_file.chmod(0o644)),
    Mutation("anybody can replace the prefix", "security.ancestors", lambda w: w.prefix.root.parent.chmod(0o777)),
    Mutation(
        "another user owns the folder above",
        "security.ancestors",
        lambda w: os.chown(w.prefix.root.parent, 12345, -1),
        WARN,
        as_root=False,
    ),
    Mutation(
        "a command of somebody else's in PREFIX/bin",
        "security.strangers",
        lambda w: (w.prefix.bin / "python3").write_text("#!/bin/sh\n"),
        WARN,
    ),
    Mutation(
        "a private key among the data",
        "security.secrets",
        lambda w: leak(w, w.prefix.data / "data" / "id", PRIVATE_KEY),
    ),
    Mutation(
        "a key of .env in a file of the data",
        "security.secrets",
        lambda w: (
            settings(w, b"DEMO_API_KEY=abcdef0123456789\n"),
            leak(w, w.prefix.data / "note", "abcdef0123456789"),
        ),
    ),
)
HOSTS = by_hand(
    Mutation("the processor lacks AVX2, which torch needs", "system.cpu", old_processor),
    Mutation("too little memory is free", "system.memory", lambda w: memory(w, 100 << 20), WARN),
    Mutation("the disk is full", "system.disk", lambda w: small_disk(w, 1 << 20)),
    Mutation("no room for a repair", "system.disk", lambda w: small_disk(w, 64 << 20), WARN),
    Mutation("no inodes are left", "system.disk", lambda w: w.replaced("system.disk.free_inodes", lambda place: 3)),
    Mutation(
        "the disk is mounted read-only",
        "system.disk",
        lambda w: w.replaced("system.disk.is_read_only", lambda place: True),
    ),
    Mutation("glibc is too old", "system.glibc", lambda w: w.patch.setattr(requirements, "host_glibc", lambda: (2, 5))),
    Mutation(
        "the C library is not glibc",
        "system.glibc",
        lambda w: w.patch.setattr(requirements, "host_glibc", lambda: None),
    ),
    Mutation("the locale is not there", "system.locale", lambda w: w.patch.setenv("LC_ALL", "xx_XX.UTF-8"), WARN),
    Mutation(
        "texts are not UTF-8",
        "system.locale",
        lambda w: w.replaced("system.locale.ASK", 'print(\'ragtrace-answer [null, "EUC-KR", "utf-8"]\')'),
        WARN,
    ),
    Mutation(
        "the clock went back",
        "system.clock",
        lambda w: w.patch.setattr(requirements.Clock, "seen", lambda _clock: datetime(2020, 1, 1, tzinfo=timezone.utc)),
        WARN,
    ),
    Mutation(
        "paths are longer than the system opens",
        "system.paths",
        lambda w: w.replaced("system.paths.path_limit", lambda folder: 40),
    ),
    Mutation("a container limits memory", "system.limits", lambda w: w.cgroup("memory.max", "1000000\n"), WARN),
    Mutation("a container limits processors", "system.limits", lambda w: w.cgroup("cpu.max", "10000 100000\n"), WARN),
    Mutation("a container limits processes", "system.limits", lambda w: w.cgroup("pids.max", "20\n"), WARN),
    Mutation(
        "few files may be open", "system.limits", lambda w: w.replaced("system.limits.files_limit", lambda: 64), WARN
    ),
    Mutation(
        "uv is another version",
        "tools.uv",
        lambda w: w.patch.setattr("shared.programs.uv.binary", lambda: w.program("uv", "echo uv 0.0.1")),
    ),
    Mutation(
        "uv does not start",
        "tools.uv",
        lambda w: w.patch.setattr("shared.programs.uv.binary", lambda: w.program("uv", "exit 127")),
    ),
    Mutation(
        "ssh-keygen takes any signature",
        "tools.openssh",
        lambda w: w.patch.setenv("PATH", f"{w.program('ssh-keygen', 'exit 0').parent}:/usr/bin:/bin"),
        WARN,
    ),
    Mutation(
        "ssh-keygen cannot check signatures",
        "tools.openssh",
        lambda w: w.patch.setenv("PATH", f"{w.program('ssh-keygen', 'exit 1').parent}:/usr/bin:/bin"),
        WARN,
    ),
    Mutation("LD_PRELOAD is set", "tools.managers", lambda w: w.patch.setenv("LD_PRELOAD", ""), WARN),
    Mutation(
        "the base interpreter is conda's",
        "tools.managers",
        lambda w: w.replaced("tools.managers.owned_by_conda", lambda path: True),
        WARN,
    ),
)
MEASURED = (
    Mutation(
        "a core module does not import to be timed",
        "performance.imports",
        module("demo_base.py", "raise ImportError"),
        ERROR,
    ),
    Mutation(
        "imports are slow", "performance.imports", lambda w: w.bound("import_seconds", 1e-9, at_least=False), WARN
    ),
    Mutation("no command starts to be timed", "performance.start", application("raise SystemExit(3)"), ERROR),
    Mutation("starts are slow", "performance.start", lambda w: w.bound("start_seconds", 1e-9, at_least=False), WARN),
    Mutation(
        "the slowest import cannot be found",
        "performance.import_tree",
        module("demo_base.py", "raise ImportError"),
        ERROR,
    ),
    Mutation("numpy computes wrongly", "performance.matrix", module("numpy.py", NUMPY.replace("* other.value", ""))),
    Mutation(
        "numpy does not load", "performance.matrix", module("numpy.py", "raise ImportError('libopenblas is missing')")
    ),
    Mutation(
        "the processor is slow", "performance.matrix", lambda w: w.bound("matrix_gflops", 1e12, at_least=True), WARN
    ),
    Mutation(
        "memory is slow", "performance.memory", lambda w: w.bound("memory_gb_per_second", 1e12, at_least=True), WARN
    ),
    Mutation(
        "the disk is slow", "performance.disk", lambda w: w.bound("disk_write_mb_per_second", 1e12, at_least=True), WARN
    ),
    Mutation(
        "making sure takes long", "performance.disk", lambda w: w.bound("fsync_milliseconds", 0, at_least=False), WARN
    ),
    Mutation("the model does not load to be timed", "performance.model", application("raise SystemExit(3)"), ERROR),
    Mutation("the model is slow", "performance.model", lambda w: w.bound("model_seconds", 1e-9, at_least=False), WARN),
    Mutation(
        "the model takes too much memory",
        "performance.model",
        lambda w: w.bound("model_memory_gb", 1e-9, at_least=False),
        WARN,
    ),
)
MUTATIONS = (*RELEASES, *PACKAGES, *APPLICATIONS, *SECURITY, *HOSTS, *MEASURED)
