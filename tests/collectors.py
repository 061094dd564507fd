"""A real rsyslog with the configuration and the parser that are shipped, in a network namespace of the test."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.hosts import needs
from tests.waiting import until

if TYPE_CHECKING:
    import subprocess

    from tests.namespaces import Network

SHIPPED = Path(__file__).parents[1] / "examples" / "monitoring" / "rsyslog"
MODULES = {"lmnsd_gtls.so": "rsyslog-gnutls", "imrelp.so": "rsyslog-relp"}
TCP, TLS, RELP, RELP_TLS = 601, 6514, 2514, 2515  # of the shipped configuration
LISTENING = "0A"  # proc(5), net/tcp


def rsyslogd() -> str:
    """Return the path of rsyslogd. Skips the test by name where it or its modules are missing."""
    with needs.or_skip():
        path = needs.program("rsyslogd", package="rsyslog")
        for module, package in MODULES.items():
            if not list(Path("/usr/lib").glob(f"*/rsyslog/{module}")):
                raise needs.Unavailable(f"rsyslog's {module} is missing: apt-get install {package}", installable=True)
    return path


@dataclass
class Rsyslog:
    """One collector; ``output`` is what the parser wrote, ``raw`` what came, repeats included."""

    network: Network
    folder: Path
    hosts: str = "*.hosts.example"
    process: subprocess.Popen | None = None
    program: str = field(default_factory=rsyslogd)

    @property
    def output(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def raw(self) -> Path:
        return self.folder / "raw.log"

    def configuration(self) -> str:
        """Return the shipped configuration with the paths of this test, and what comes written to a file as well."""
        text = (SHIPPED / "60-ragtrace.conf").read_text(encoding="utf-8")
        for ours, theirs in (
            ("/usr/local/bin/ragtrace-events", f"{sys.executable} {SHIPPED / 'ragtrace-events'}"),
            ("/var/log/ragtrace/events.jsonl", str(self.output)),
            ("/etc/ragtrace-logs", str(self.folder)),
            ("*.hosts.example", self.hosts),
        ):
            assert ours in text
            text = text.replace(ours, theirs)
        raw = f'action(type="omfile" file="{self.raw}" template="ragtrace-raw")'
        errors = f'*.* action(type="omfile" file="{self.folder}/own.log")'
        return f'global(workDirectory="{self.folder}")\n{text}\n{errors}\n'.replace(
            "    action(type", f"    {raw}\n    action(type", 1
        )

    def start(self) -> None:
        path = self.folder / "rsyslog.conf"
        path.write_text(self.configuration(), encoding="utf-8")
        log = (self.folder / "rsyslogd.log").open("ab")
        self.process = self.network.start(
            self.program, "-n", "-f", str(path), "-i", str(self.folder / "pid"), stdout=log, stderr=log
        )
        log.close()
        until(lambda: {TCP, TLS, RELP, RELP_TLS} <= self.ports() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.folder / "rsyslogd.log").read_text()

    def ports(self) -> set[int]:
        """Return the ports that somebody listens on."""
        rows = [row.split() for row in Path(f"/proc/{self.network.pid}/net/tcp").read_text().splitlines()[1:]]
        return {int(row[1].partition(":")[2], 16) for row in rows if row[3] == LISTENING}

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, by SIGKILL as a crash would."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def size(self) -> int:
        """Return how many bytes the parser wrote."""
        return self.output.stat().st_size if self.output.exists() else 0

    def events(self) -> list[dict[str, Any]]:
        """Return what the parser wrote; a line that is being written counts as missing."""
        if not self.output.exists():
            return []
        return [json.loads(line) for line in self.output.read_bytes().split(b"\n")[:-1]]
