"""A real rsyslog with what is shipped for it gets each line once and in order, however often it dies."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.collectors import RELP, RELP_TLS, TCP, TLS, Rsyslog
from tests.namespaces import network
from tests.waiting import until

ROOT = Path(__file__).parents[3]
SENDER = [sys.executable, "-m", "tests.installer.logs.sending"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="rsyslog and network namespaces of Linux")


def certificate(folder, name, issuer=None):
    """Write ``name.pem`` and ``name.key``, issued by ``issuer`` or by itself; return certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(issuer[0].subject if issuer else title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return made, key


@pytest.fixture
def collector(tmp_path, monkeypatch):
    """Return a collector that is not started, with a CA of its own; the sender's state lies beside it."""
    folder = tmp_path / "collector"
    folder.mkdir()
    ca = certificate(folder, "ca")
    certificate(folder, "localhost", ca)
    for name in ("pem", "key"):
        (folder / f"collector.{name}").write_bytes((folder / f"localhost.{name}").read_bytes())
    certificate(folder, "web7.hosts.example", ca)
    certificate(folder, "web7.elsewhere.example", ca)
    certificate(folder, "other-ca")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with network() as net:
        made = Rsyslog(net, folder)
        yield made
        made.stop()


def tls(folder, ca="ca", host="web7.hosts.example", way=f"tls://localhost:{TLS}"):
    named = f"&cert={folder}/{host}.pem&key={folder}/{host}.key" if host else ""
    return f"{way}?ca={folder}/{ca}.pem{named}"


def address_of(way, folder):
    relp = tls(folder, way=f"relp+tls://localhost:{RELP_TLS}")
    ways = {"tcp": f"tcp://127.0.0.1:{TCP}", "relp": f"relp://127.0.0.1:{RELP}", "tls": tls(folder), "relp+tls": relp}
    return ways[way]


def spooled(tmp_path):
    folder = tmp_path / "state" / "ragtrace" / "spool"
    return sorted(folder.iterdir()) if folder.exists() else []


def sent(collector, address, count=1):
    """Send so many events by one run, and return its last words."""
    done = collector.network.run(*SENDER, address, cwd=ROOT, input=f"{count}\n")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def messages(collector):
    return [entry["event"]["message"] for entry in collector.events() if "event" in entry]


def reached(collector, size):
    """Wait until the parser has written so many bytes."""
    until(lambda: collector.size() > size)


@pytest.mark.parametrize(
    ("way", "count", "kills"), [("tcp", 10_000, 5), ("tls", 2000, 2), ("relp", 2000, 2), ("relp+tls", 2000, 2)]
)
def test_killed_and_started_again_it_has_every_event_once_and_in_order(collector, tmp_path, way, count, kills):
    address, part = address_of(way, collector.folder), count // (kills + 1)
    collector.start()
    sender = collector.network.start(
        *SENDER, address, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for number in range(kills):
        enough = collector.size() + 20_000 * (number + 1)
        print(part, file=sender.stdin, flush=True)
        # somewhere in the middle of what it reads; what is sent while it is away waits
        reached(collector, enough)
        collector.stop(signal.SIGKILL)
        print(part // 10, file=sender.stdin, flush=True)
        collector.start()
    print(count - kills * (part + part // 10), file=sender.stdin, flush=True)
    assert sender.communicate(timeout=60)[0].splitlines()[-1].startswith("lost 0")
    while spooled(tmp_path):  # the collector was away when the run ended
        sent(collector, address, 0)
    until(lambda: len(collector.events()) >= count)
    assert [entry for entry in collector.events() if "gap" in entry] == []
    assert messages(collector) == [str(number) for number in range(count)]
    assert [entry["sequence"] for entry in collector.events()] == list(range(1, count + 1))


def test_what_it_missed_while_it_was_away_comes_with_the_next_run(collector, tmp_path):
    address = address_of("tcp", collector.folder)
    for _run in range(3):
        assert sent(collector, address, 100) == "lost 0 waiting 100 Connection refused"
    assert len(spooled(tmp_path)) == 3
    collector.start()
    assert sent(collector, address, 5) == "lost 0 waiting 0 "
    assert spooled(tmp_path) == []
    assert messages(collector) == [*map(str, [*range(100)] * 3), *map(str, range(5))]
    assert len({entry["stream"] for entry in collector.events()}) == 4


def test_what_a_killed_run_left_comes_with_the_next_one(collector, tmp_path):
    address = address_of("tcp", collector.folder)
    sender = collector.network.start(
        *SENDER, address, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    print(50, file=sender.stdin, flush=True)
    assert sender.stdout.readline() == "50\n"
    sender.kill()
    sender.communicate()
    (path,) = spooled(tmp_path)
    path.write_bytes(path.read_bytes() + b"300 <14>1 2026")  # cut in the middle of a line
    collector.start()
    assert sent(collector, address) == "lost 0 waiting 0 "
    assert messages(collector) == [*map(str, range(50)), "0"]


@pytest.mark.parametrize(
    ("ca", "host", "reason"),
    [
        ("other-ca", "web7.hosts.example", "certificate verify failed"),
        ("ca", "", ""),
        ("ca", "web7.elsewhere.example", ""),
        ("missing", "web7.hosts.example", "missing.pem"),
    ],
)
def test_a_certificate_that_does_not_fit_delivers_nothing(collector, tmp_path, ca, host, reason):
    collector.start()
    words = sent(collector, tls(collector.folder, ca, host), 3)
    assert words.startswith("lost 0 waiting 3 ")
    assert reason in words
    assert collector.events() == []
    assert sent(collector, tls(collector.folder), 1) == "lost 0 waiting 0 "
    assert messages(collector) == ["0", "1", "2", "0"]


def test_a_command_sends_its_log_over_tls(collector, tmp_path):
    collector.start()
    done = collector.network.run(
        *(sys.executable, "-m", "bootstrap.cli", "list-checks", "--quiet"),
        *("--syslog", tls(collector.folder)),
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path), "LANG": "C"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert messages(collector)[0].startswith("ragtrace-install ")
    assert spooled(tmp_path) == []
