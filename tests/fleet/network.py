"""A fleet: closed Debian hosts with sshd, and a control node, on one bridge in network namespaces of their own."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shared.processes import process
from tests import waiting
from tests.hosts import closed, needs
from tests.hosts.roots import RECIPES, ready_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.hosts.closed import Host

NET = "10.99.77"
SUITES = ("fleet-bullseye", "fleet-bookworm", "fleet-trixie")
BRIDGE = f"""
set -e
ip link set lo up
ip link add br0 type bridge
ip addr add {NET}.1/24 dev br0
ip link set br0 up
echo up
read -r _ || :
"""
SSHD = ("/usr/sbin/sshd", "-E", "/var/log/sshd.log", "-o", "UsePAM=no", "-o", "UseDNS=no", "-o", "MaxStartups=50")


@dataclass
class Node:
    """A host of the fleet, which is switched off when ``place`` is closed."""

    name: str
    address: str
    host: Host
    place: ExitStack = field(default_factory=ExitStack)

    def serve(self) -> None:
        """Start sshd in a session of its own, which outlives the run that starts it, and wait until it listens."""
        _succeeded(self.host.run("setsid", "--wait", *SSHD, loopback=True))
        knock = ("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22")
        waiting.until(lambda: self.host.run(*knock, loopback=True).ok)

    def lose(self) -> None:
        """Take the host off the network, with its connections as they are."""
        _succeeded(process.run([*self.network, "ip", "link", "set", "eth0", "down"], timeout=30))

    def find(self) -> None:
        """Bring the host back."""
        _succeeded(process.run([*self.network, "ip", "link", "set", "eth0", "up"], timeout=30))

    @property
    def network(self) -> list[str]:
        """The words before a command that runs in the network of the host."""
        return ["nsenter", "--target", self.host._pid, "--net", "--"]


class Fleet:
    """Hosts by name, and how a program of this machine runs on the control node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: dict[str, Node] = {}
        self.key = folder / "id"
        self.known = folder / "known_hosts"
        self._stack = ExitStack()

    def start(self, count: int) -> None:
        """Start the control node and ``count`` hosts of alternating suites. Raises Unavailable."""
        needs.root_on_linux()
        for name, package in (("ip", "iproute2"), ("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")):
            needs.program(name, package=package)
        self._control()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        for number in range(count):
            self.add(SUITES[number % len(SUITES)])

    def add(self, suite: str) -> Node:
        """Start one more host."""
        number = len(self.nodes) + 1
        name, address = f"node{number:02}", f"{NET}.{number + 10}"
        place = self._stack.enter_context(ExitStack())
        root, recipe = ready_root(RECIPES[suite]), RECIPES[suite]
        host = place.enter_context(closed.started(root, name, recipe.python, self.folder / name))
        node = Node(name, address, host, place)
        veth = ["ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", host._pid]
        run(*self.bridge, *veth)
        run(*self.bridge, "ip", "link", "set", f"v{number}", "master", "br0", "up")
        run(*node.network, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        run(*node.network, "ip", "link", "set", "eth0", "up")
        self._login(node)
        node.serve()
        self.nodes[name] = node
        return node

    def _control(self) -> None:
        argv = ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child=KILL", "bash", "-c", BRIDGE]
        keeper = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._stack.callback(keeper.stdout.close)
        self._stack.callback(keeper.wait)
        self._stack.callback(keeper.stdin.close)
        if keeper.stdout.readline() != "up\n":
            raise needs.Unavailable("no bridge can be made in a network namespace", installable=False)
        first = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()[0]
        self.bridge = ["nsenter", "--target", first, "--net", "--"]
        self.inside = ["nsenter", "--target", first, "--net", "--pid", "--mount", "--"]

    def _login(self, node: Node) -> None:
        """Give the host a key of its own, and the control node's key the way in."""
        host = node.host
        for path in host.path("/etc/ssh").glob("ssh_host_*"):
            path.unlink()
        _succeeded(host.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key"))
        _succeeded(host.run("mkdir", "-p", "-m", "700", "/root/.ssh", "/run/sshd"))
        host.path("/root/.ssh/authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        public = host.path("/etc/ssh/ssh_host_ed25519_key.pub").read_text()
        with self.known.open("a") as known:
            known.write(f"{node.address} {public}")

    def remove(self, name: str) -> None:
        """Switch a host off for good."""
        self.nodes.pop(name).place.close()

    def inventory(self, names: Sequence[str] = ()) -> dict[str, dict[str, str]]:
        """Return the inventory's hosts."""
        return {name: {"ansible_host": self.nodes[name].address} for name in names or self.nodes}

    def close(self) -> None:
        """End all hosts and the control node."""
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(*argv: str) -> process.Completed:
    """Run a program of this machine that must succeed."""
    return _succeeded(process.run(argv, timeout=60))


def _succeeded(done: process.Completed) -> process.Completed:
    assert done.ok, f"{' '.join(done.argv)}: {done.stdout}{done.stderr}"
    return done
