"""The control node: ansible-core in an environment of its own, the collection, and how playbooks are run."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uv

from shared.processes import process
from tests.hosts import needs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fleet.network import Fleet

HERE = Path(__file__).parent
COLLECTION = needs.CHECKOUT / "ansible"
EXAMPLE = needs.CHECKOUT / "examples" / "fleet"
LOCK = HERE / "requirements.txt"
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
INSTALL_SECONDS, PLAY_SECONDS = 600, 900


def environment() -> Path:
    """Return the folder of Ansible's commands, installed from a hashed lock. Raises Unavailable."""
    lock = LOCK.read_bytes()
    digest = hashlib.sha256(lock + sys.version.encode()).hexdigest()[:12]
    folder = needs.cache_folder() / "fleet" / digest
    with needs.lock(folder.with_suffix(".lock")):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            (folder / "ready").touch()
    return folder / "bin"


def _install(folder: Path) -> None:
    commands = (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--require-hashes", "--python", str(folder / "bin" / "python"), "-r", str(LOCK)],
    )
    for command in commands:
        done = process.run([uv.find_uv_bin(), *command], timeout=INSTALL_SECONDS)
        if not done.ok:
            raise needs.Unavailable(f"ansible-core cannot be installed: {done.stderr[-500:]}", installable=True)


@dataclass(frozen=True)
class Played:
    """How a run of a playbook ended: its recap by host, and what the roll-out's report says."""

    returncode: int
    output: str
    report: dict[str, Any]

    def counts(self, name: str) -> dict[str, int]:
        """Return the recap of a host."""
        found = {row[0]: row[1:] for row in RECAP.findall(self.output)}
        keys = ("ok", "changed", "unreachable", "failed")
        return dict(zip(keys, map(int, found[name]))) if name in found else {}

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts."""
        return sum(int(row[2]) for row in RECAP.findall(self.output))

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: one["outcome"] for name, one in self.report["hosts"].items()}


class Control:
    """Runs playbooks of the collection, as somebody at the control node does, in a folder of its own."""

    def __init__(self, fleet: Fleet, folder: Path, collections: Path) -> None:
        self.fleet, self.folder, self.collections = fleet, folder, collections
        self.bin = environment()
        self.more: dict[str, dict[str, str]] = {}  # further names in the inventory, or other variables of a host
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(EXAMPLE / "ansible.cfg", folder / "ansible.cfg")

    def argv(self, playbook: str, variables: Mapping[str, Any], *more: str) -> list[str]:
        """Write the inventory and the variables; return the command line of a run."""
        self.write_inventory()
        (self.folder / "vars.yml").write_text(json.dumps(dict(variables)))
        given = ["-e", f"@{self.folder / 'vars.yml'}"]
        return [*self.fleet.inside, str(self.bin / "ansible-playbook"), f"ragtrace.offline.{playbook}", *given, *more]

    def write_inventory(self) -> None:
        """Write where the hosts are, and how they are reached."""
        login = {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.fleet.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.fleet.known} -o StrictHostKeyChecking=yes",
        }
        inventory = {"ragtrace": {"hosts": {**self.fleet.inventory(), **self.more}, "vars": login}}
        (self.folder / "inventory.yml").write_text(json.dumps(inventory))

    @property
    def env(self) -> dict[str, str]:
        """The environment of a run."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_NOCOWS": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
        }

    def play(self, playbook: str, variables: Mapping[str, Any], *more: str) -> Played:
        """Run a playbook to its end."""
        report = self.folder / "rollout.json"
        report.unlink(missing_ok=True)
        argv = self.argv(playbook, variables, *more)
        done = process.run(argv, cwd=self.folder, env=self.env, timeout=PLAY_SECONDS)
        assert not done.timed_out, done.stdout
        return Played(done.returncode, done.stdout + done.stderr, self.report())

    def module(self, node: str, name: str, options: Mapping[str, Any], *more: str) -> dict[str, Any]:
        """Run a module of the collection on one host; return its result, and what was printed."""
        self.write_inventory()
        words = [node, "-m", f"ragtrace.offline.{name}", "-a", json.dumps(dict(options)), *more]
        argv = [*self.fleet.inside, str(self.bin / "ansible"), *words]
        done = process.run(argv, cwd=self.folder, env=self.env, timeout=PLAY_SECONDS)
        found = re.search(rf"^{node} \| [A-Z!]+ => (?=\{{)", done.stdout, re.MULTILINE)
        assert found, done.stdout + done.stderr
        return {**json.JSONDecoder().raw_decode(done.stdout[found.end() :])[0], "printed": done.stdout}

    def report(self) -> dict[str, Any]:
        """Return what the roll-out's report says."""
        path = self.folder / "rollout.json"
        return json.loads(path.read_text()) if path.exists() else {"hosts": {}}


def installed_collection(folder: Path) -> Path:
    """Build the collection, install it as a closed control node does, and return the folder of collections."""
    galaxy = str(environment() / "ansible-galaxy")
    env = {**os.environ, "HOME": str(folder), "ANSIBLE_NOCOLOR": "1"}
    build = [galaxy, "collection", "build", str(COLLECTION), "--output-path", str(folder)]
    done = process.run(build, env=env, timeout=INSTALL_SECONDS)
    assert done.ok, done.stdout + done.stderr
    (archive,) = folder.glob("ragtrace-offline-*.tar.gz")
    install = [galaxy, "collection", "install", "--offline", str(archive), "-p", str(folder / "collections")]
    done = process.run(install, env=env, timeout=INSTALL_SECONDS)
    assert done.ok, done.stdout + done.stderr
    return folder / "collections"
