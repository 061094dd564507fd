"""Every command under limits and streams of tests/hosts/conditions: no fault of the tool's, nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.cli import commands
from installer.trust.stores import host_trust_stores
from tests import everyone
from tests.hosts.conditions.table import ROWS
from tests.reliability import matrix, victim
from tests.reliability import world as worlds

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
ROOT = Path(__file__).resolve().parents[2]
OTHER_USER = 65534  # limits of processes do not bind root
TIME = 300  # seconds
BROKEN = re.compile("Traceback|is a bug in|Exception ignored")
NO_THREADS = f"""if True:
    import _thread, runpy, sys, threading
    def refuse(*_arguments, **_options):
        raise RuntimeError("can't start new thread")
    for module in (_thread, threading):
        for name in ("start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread"):
            if hasattr(module, name):
                setattr(module, name, refuse)
    sys.argv[0] = {victim.__file__!r}
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
SHIM = str(Path(__file__).parent / "conditions" / "shim.py")
ROW_IDS = ("stdout-closed", "all-closed", "stdin-closed", "stdout-full", "both-full", "nofile-12", "memory-120m",
           "memory-60m", "fsize-4096")  # fmt: skip
CONDITIONS = {row.id: row.shim for row in ROWS if row.id in ROW_IDS}
CONDITIONS["no-threads"] = {}
# those that say nothing of the work: the command ends as it would have ended
HARMLESS = ("stdout-closed", "all-closed", "stdin-closed", "stdout-full", "both-full")


@pytest.fixture(scope="module")
def world():
    """Make both bundles and the prefixes that commands start from."""
    from bootstrap.api import here

    with pytest.MonkeyPatch.context() as patch, matrix.scratch() as folder:
        patch.setattr(here, "host_trust_stores", host_trust_stores)  # what the world puts there goes with it
        folder.chmod(0o755)
        yield worlds.make(folder / "world")


def argv_of(world, command, root):
    """Return a call of a command that does something, and the operation whose start it takes."""
    prefix = ["--prefix", str(root)]
    bundle, key = str(world.bundle("new")), ["--trust-key", str(world.key)]
    return {
        "verify": (["verify", bundle, *key], worlds.UPGRADE),
        "install": (world.argv(worlds.UPGRADE, root), worlds.UPGRADE),
        "upgrade": (["upgrade", bundle, *key, *prefix], worlds.UPGRADE),
        "recover": (world.argv(worlds.RECOVER, root), worlds.RECOVER),
        "rollback": (world.argv(worlds.ROLLBACK, root), worlds.ROLLBACK),
        "uninstall": (world.argv(worlds.UNINSTALL, root), worlds.UNINSTALL),
        "validate": (["validate", "--quick", *prefix], worlds.UPGRADE),
        "list-checks": (["list-checks"], worlds.UPGRADE),
        "compare": (["compare", "one.json", "two.json"], worlds.UPGRADE),
        "monitor": (["monitor", "--count", "1", "--interval", "0.1", *prefix], worlds.UPGRADE),
        "audit-log": (["audit-log", "verify", *prefix], worlds.UPGRADE),
        "advisories": (["advisories", "show", *prefix], worlds.UPGRADE),
        "trust": (["trust", "show"], worlds.UPGRADE),
        "backup": (["backup", *prefix], worlds.UPGRADE),
    }.get(command, ([command, *prefix], worlds.UPGRADE))


def ran(world, command, place, condition=None):
    """Run a command under a condition; return how it ended, and the prefix."""
    argv, start = argv_of(world, command, place / "prefix")
    prefix = world.start(start, place)
    spec = json.dumps({"trust": str(world.folder / "trust"), "programs": {}})
    python = str(Path(sys.executable))
    program = [python, "-c", NO_THREADS] if condition == "no-threads" else [python, victim.__file__]
    shim = [python, SHIM, json.dumps(dict(CONDITIONS[condition]))] if condition else []
    ended = subprocess.run(
        [*shim, *program, spec, *argv], cwd=ROOT, capture_output=True, text=True, timeout=TIME, check=False
    )
    return ended, prefix


def require_whole(world, command, ended, prefix, started):
    """See that nothing worse happened than that a command was refused."""
    assert ended.returncode in (0, 1, 2, 3, 4, 5, 6, 8), ended.stderr
    assert not BROKEN.search(ended.stderr + ended.stdout), ended.stderr
    if command != "uninstall":  # which goes only forwards: the next one finishes it
        worlds.tell(["status", "--prefix", str(prefix.root)])  # tidies up, too
        active = prefix.active()
        assert active is not None
        assert ended.returncode in (0, 1) or active == started


def chosen():
    """Return all pairs of command and condition, or a sample in which each of both has its turn."""
    pairs = [(command, condition) for command in commands() for condition in CONDITIONS]
    if os.environ.get("RAGTRACE_TEST_HOSTS") == "all":
        return pairs
    return [pair for number, pair in enumerate(pairs) if pair[0] in ("install", "rollback") or number % 7 == 0]


@pytest.mark.parametrize(("command", "condition"), chosen())
def test_a_host_that_refuses_something_is_no_fault_of_the_tools(world, tmp_path, command, condition):
    place = tmp_path / "place"
    started = world.start(argv_of(world, command, place / "prefix")[1], place).active()
    ended, prefix = ran(world, command, place, condition)
    require_whole(world, command, ended, prefix, started)
    if condition in HARMLESS:
        plain, _prefix = ran(world, command, tmp_path / "plain")
        assert ended.returncode == plain.returncode, ended.stderr
        if condition == "stdout-full" and plain.stdout:
            assert ended.stderr.count("No space left on device") == 1


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("most", [4, 8, 16])
def test_an_installation_with_few_processes_is_refused_and_hangs_nowhere(world, tmp_path, monkeypatch, most):
    from shared import limits

    setpriv = shutil.which("setpriv") or pytest.skip("setpriv is missing")
    user = OTHER_USER - most  # nobody else's processes are counted
    everyone.let_in(tmp_path)
    code = f"import resource;resource.setrlimit(resource.RLIMIT_NPROC,({most},{most}))\nimport sys\n"
    code += "from shared import limits;print(limits.threads_at_once())"
    argv = [setpriv, f"--reuid={user}", "--clear-groups", everyone.use_python(monkeypatch), "-c", code]
    reported = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIME)
    assert reported.returncode == 0, reported.stderr
    assert int(reported.stdout) < most < limits.NEEDED_THREADS
