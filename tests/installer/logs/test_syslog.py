"""Lines reach a collector over UDP and TCP; one that is away, stalled or gone costs nothing but its lines."""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import socket
import sys
import threading
import time

import pytest

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.logs import audit_log, delivery, runlog, spool, syslog
from installer.logs.collector_address import TCP_LIMIT, UDP_LIMIT, Address, parse_address
from shared.errors import UsageError

LOG = runlog.LOG
# RFC 5424, 6: HEADER SP STRUCTURED-DATA SP MSG
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
MESSAGE = re.compile(
    rf"<(\d{{1,3}})>1 ({TIME}) ([!-~]{{1,255}}) ragtrace ([0-9a-f.]+) ([!-~]{{1,32}}) "
    r'\[meta sequenceId="(\d+)"\] (\{.*\})'
)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Give each test a spool of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


class Server:
    """A collector on loopback; ``lines`` gets each message as it comes."""

    def __init__(self, *, is_tcp, most=None, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.most = most
        self.is_tcp, self.closing = is_tcp, False
        if is_tcp:
            self.socket.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        """End the thread before its socket, whose number the next one gets."""
        self.closing = True
        with socket.socket(self.socket.family, self.socket.type) as last:
            last.connect(self.socket.getsockname())
            if not self.is_tcp:
                last.send(b"")
        self.thread.join(5)
        self.socket.close()

    @property
    def address(self):
        return f"{'tcp' if self.is_tcp else 'udp'}://127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self):
        while not self.closing:
            if self.is_tcp:
                connection = self.socket.accept()[0]
                with connection, connection.makefile("rb") as stream:
                    self.read(stream)
            else:
                self.lines.put(self.socket.recv(65536))

    def read(self, stream):
        """Read messages whose octets are counted (RFC 6587, 3.4.1), at most so many of one connection."""
        count = 0
        while count != self.most:
            digits = b""
            while (byte := stream.read(1)) not in (b" ", b""):
                digits += byte
            if not digits:
                break
            self.lines.put(stream.read(int(digits)))
            count += 1

    def next(self):
        return self.lines.get(timeout=20)


@pytest.fixture(params=[False, True], ids=["udp", "tcp"])
def server(request):
    """Serve over UDP and over TCP; ``sending`` comes after it and so ends before it."""
    made = Server(is_tcp=request.param)
    yield made
    made.close()


@pytest.fixture
def sending():
    """Log to collectors until the test ends."""
    begun = []

    def begin(text):
        address = parse_address(text)
        collector = syslog.collector_for(address, "install")
        runlog.send_to(collector, runlog.Lines("install", address.limit))
        begun.append(collector)
        return collector

    yield begin
    runlog.end(begun)


def parsed(message):
    found = MESSAGE.fullmatch(message.decode("ascii"))
    assert found, message
    return int(found[1]), found[5], json.loads(found[7])


@pytest.mark.parametrize(
    ("text", "host", "port", "is_tcp"),
    [
        ("logs.example:514", "logs.example", 514, False),
        ("udp://10.0.0.1:1514", "10.0.0.1", 1514, False),
        ("tcp://logs:601", "logs", 601, True),
        ("tcp://[::1]:601", "::1", 601, True),
    ],
)
def test_an_address(text, host, port, is_tcp):
    address = parse_address(text)
    assert address == Address(host, port, "tcp" if is_tcp else "udp")
    assert parse_address(str(address)) == address


def test_an_address_with_files():
    address = parse_address("tls://logs:6514?ca=/a b/ca.pem&cert=host.pem&key=/k%26.pem")
    assert (address.ca, address.cert, address.key) == ("/a b/ca.pem", os.path.abspath("host.pem"), "/k&.pem")
    assert parse_address(str(address)) == address
    assert address.short == "tls://logs:6514"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "logs",
        "logs:",
        ":514",
        "logs:0",
        "logs:65536",
        "http://logs:514",
        "tcp://u:p@logs:1",
        "a:1/x",
        "[:1",
        "tcp://a:1?ca=x",
        "tls://a:1?key=x",
        "tls://a:1?cb=x",
        "tls://a:1?ca=",
        "tls://a:1?ca=x&ca=y",
        "a..b:514",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(UsageError, match="not a valid log collector address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 15), (logging.INFO, 14), (logging.WARNING, 12), (logging.ERROR, 11), (logging.CRITICAL, 10)],
)
def test_a_line_arrives_as_the_standard_has_it(server, sending, level, priority):
    sending(server.address)
    LOG.log(level, "한글 %s", "text\nwith a line end")
    found, command, entry = parsed(server.next())
    assert (found, command) == (priority, "install")
    assert entry["message"] == "한글 text\nwith a line end"
    assert (entry["run"], entry["command"], entry["level"]) == (runlog.RUN, "install", logging.getLevelName(level))


def test_order_stays_and_nothing_is_lost(server, sending):
    collector = sending(server.address)
    for number in range(300):
        LOG.info("%d", number)
    runlog.end([collector])
    assert [parsed(server.next())[2]["message"] for _ in range(300)] == [str(number) for number in range(300)]
    assert collector.lost == 0


def test_a_long_line_is_cut_to_what_a_collector_takes(server, sending):
    sending(server.address)
    LOG.info("한" * 100_000)
    message = server.next()
    assert len(message) <= (TCP_LIMIT if server.is_tcp else UDP_LIMIT)
    assert parsed(message)[2]["cut"] is True


def test_one_that_is_absent_costs_no_time(sending):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for text in (f"tcp://127.0.0.1:{port}", f"127.0.0.1:{port}"):
        collector = sending(text)
        began = time.monotonic()
        for number in range(3000):
            LOG.info("%d", number)
        spent = time.monotonic() - began
        runlog.end([collector])
        assert spent < 2
        assert time.monotonic() - began < 2 + syslog.CLOSING + 1
        assert collector.waiting == 3000 if "tcp" in text else collector.lost > 0


def test_one_that_comes_later_gets_what_waited(sending, monkeypatch):
    monkeypatch.setattr(delivery, "RETRY", 0.05)
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    collector = sending(f"tcp://127.0.0.1:{port}")
    LOG.info("early")
    late = Server(is_tcp=True, port=port)
    assert parsed(late.next())[2]["message"] == "early"
    runlog.end([collector])
    late.close()


def test_one_that_closes_midway_gets_what_it_did_not_confirm_again(sending):
    server = Server(is_tcp=True, most=2)
    collector = sending(server.address)
    LOG.info("0")
    LOG.info("1")
    assert [parsed(server.next())[2]["message"] for _ in range(2)] == ["0", "1"]
    server.most = None
    for number in range(2, 50):
        LOG.info("%d", number)
    runlog.end([collector])
    assert (collector.lost, collector.waiting) == (0, 0)
    server.close()
    numbers = [int(parsed(message)[2]["message"]) for message in server.lines.queue]
    assert numbers[-50:] == list(range(50))


def test_a_full_spool_says_what_it_dropped(sending, monkeypatch):
    monkeypatch.setattr(spool, "LIMIT", 3000)
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    first = sending(f"tcp://127.0.0.1:{port}")
    for number in range(50):
        LOG.info("%d", number)
    runlog.end([first])
    assert first.lost + first.waiting == 51
    assert first.lost > 30
    server = Server(is_tcp=True, port=port)
    second = sending(server.address)
    LOG.info("later")
    runlog.end([second])
    assert (second.lost, second.waiting) == (0, 0)
    server.close()
    found = [MESSAGE.fullmatch(line.decode()) for line in server.lines.queue if line]
    numbers = [int(one[6]) for one in found if one[4] == first.stream]
    assert numbers == [*range(1, first.waiting), 51]  # the gap is seen by the last one, which says what it is
    texts = [json.loads(one[7])["message"] for one in found]
    assert texts[-2:] == [f"{first.lost} log lines of this run were dropped, because the spool was full", "later"]


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue of connections drops the next one on Linux")
def test_one_whose_packets_are_dropped_is_waited_for_once_and_then_less(sending, monkeypatch):
    waits, join = [], threading.Thread.join
    monkeypatch.setattr(
        delivery.Delivery, "join", lambda self, timeout=None: (waits.append(timeout), join(self, timeout))[1]
    )
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        for has_earlier in (False, True):
            collector = sending(f"tcp://127.0.0.1:{full.getsockname()[1]}")
            LOG.info("one")
            while collector.delivery.has_earlier != has_earlier:
                os.sched_yield()
            runlog.end([collector])
            assert collector.waiting == 1
        for one in waiting:
            one.close()
    assert waits == [syslog.GRACE, delivery.AGAIN]


def test_one_that_does_not_read_neither_stops_nor_slows_the_work(sending):
    with socket.create_server(("127.0.0.1", 0)) as stalled:
        collector = sending(f"tcp://127.0.0.1:{stalled.getsockname()[1]}")
        began = time.monotonic()
        for _number in range(3000):
            LOG.info("x" * 7000)
        spent = time.monotonic() - began
        runlog.end([collector])
        assert spent < 5
        assert time.monotonic() - began < 5 + syslog.CLOSING + 1
        assert collector.lost > 0


def test_a_name_that_nobody_knows_costs_only_the_lines(sending):
    collector = sending("tcp://no-such-host.invalid:514")
    LOG.info("lost")
    runlog.end([collector])
    assert collector.waiting == 1


@pytest.fixture
def installed(host, tiny, tmp_path):
    prefix = tmp_path / "prefix"
    assert cli.main(["install", str(tiny.folder), "--trust-key", str(tiny.key), "--prefix", str(prefix)]) == 0
    return Prefix(prefix)


def drained(server):
    """Return what has come; the run is over, so everything is on its way already."""
    found = [parsed(server.next())[2]]
    while True:
        try:
            found.append(parsed(server.lines.get(timeout=0.5))[2])
        except queue.Empty:
            return found


def test_a_command_sends_what_its_file_holds_and_the_audit_head(server, installed, tiny, capsys):
    options = ["--trust-key", str(tiny.key), "--prefix", str(installed.root), "--json"]
    damaged = installed.active().path / "launch.py"  # else there would be nothing to install
    damaged.chmod(0o644)
    damaged.write_text("")
    capsys.readouterr()
    assert cli.main(["install", str(tiny.folder), *options, "--syslog", server.address]) == 0
    reported = json.loads(capsys.readouterr().out)
    sent = drained(server)
    assert [entry["audit_head"] for entry in sent if "audit_head" in entry] == [reported["audit_head"]]
    assert reported["audit_head"] == audit_log.head(installed)
    assert reported["run"] == audit_log.entries(installed)[-1]["run"] == runlog.RUN
    assert {entry["run"] for entry in sent} == {runlog.RUN}
    log = max(installed.logs.glob("*-install-*.log")).read_text().splitlines()
    filed = [json.loads(line) for line in log]
    assert [entry for entry in sent if entry in filed] == filed
    assert not [handler for handler in LOG.handlers if isinstance(handler, (syslog.Collector, logging.FileHandler))]


def test_every_command_has_a_log(server, installed, monkeypatch):
    monkeypatch.setenv("RAGTRACE_SYSLOG", server.address)
    for command in (["status"], ["history"], ["audit-log", "verify"], ["list-checks"], ["trust", "show"]):
        assert cli.main([*command, "--prefix", str(installed.root)]) == 0
        assert {entry["command"] for entry in drained(server)} == {command[0]}
        assert list(installed.logs.glob(f"*-{command[0]}-*.log"))


def test_a_refusal_goes_there_too(server, installed):
    assert cli.main(["rollback", "--prefix", str(installed.root), "--syslog", server.address]) == 4
    assert any("retains no release of another version" in json.dumps(entry) for entry in drained(server))


def test_settings_never_go_there(server, installed, monkeypatch, capsys):
    installed.env_file.write_text("TINY_API_KEY='sk-very-secret'\nTINY_COLOUR=blue\n")

    def leak(self):
        LOG.error("the key is sk-very-secret, the colour blue")
        raise RuntimeError("sk-very-secret")

    monkeypatch.setattr(Prefix, "complete_releases", leak)
    assert cli.main(["status", "--prefix", str(installed.root), "--syslog", server.address]) == 70
    sent = drained(server)
    assert any("the key is ***, the colour blue" in entry["message"] for entry in sent)
    stored = "".join(path.read_text() for path in installed.logs.iterdir())
    assert "sk-very-secret" not in json.dumps(sent) + stored


def test_a_bad_address_is_a_word_about_the_option(installed, capsys):
    with pytest.raises(SystemExit) as ended_with:
        cli.main(["status", "--prefix", str(installed.root), "--syslog", "nowhere"])
    assert ended_with.value.code == 2
    assert "HOST:PORT" in capsys.readouterr().err


def test_a_full_disk_ends_the_log_and_not_the_command(installed, monkeypatch, capsys):
    monkeypatch.setattr(logging.FileHandler, "_open", lambda self: open("/dev/full", "w"))  # noqa: SIM115
    assert cli.main(["status", "--prefix", str(installed.root)]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_only_the_newest_logs_stay(tmp_path):
    for number in range(runlog.RETAINED_LOGS + 20):
        (tmp_path / f"20260101T{number:06}Z-status-{number:016}.log").touch()
    (tmp_path / "note.txt").touch()
    (tmp_path / "of-somebody.log").touch()
    before = list(LOG.handlers)
    runlog.to_file(tmp_path, "status")
    runlog.end([handler for handler in LOG.handlers if handler not in before])
    names = sorted(path.name for path in tmp_path.glob("*Z-status-*.log"))
    assert len(names) == runlog.RETAINED_LOGS
    assert names[1].startswith("20260101T000021Z-status-")
    assert names[0].startswith("000001-")
    assert (tmp_path / "note.txt").exists()
    assert (tmp_path / "of-somebody.log").exists()


def test_logs_are_kept_by_their_numbers_whatever_the_clock_says(tmp_path, monkeypatch):
    monkeypatch.setattr(runlog, "RETAINED_LOGS", 3)
    before = list(LOG.handlers)
    for year in (2030, 2029, 2028, 2027, 2026):
        moment = time.strptime(str(year), "%Y")
        monkeypatch.setattr(time, "gmtime", lambda moment=moment: moment)
        runlog.to_file(tmp_path, "status")
    runlog.end([handler for handler in LOG.handlers if handler not in before])
    assert [name[:11] for name in sorted(path.name for path in tmp_path.iterdir())] == [
        "000003-2028",
        "000004-2027",
        "000005-2026",
    ]


@pytest.mark.parametrize("way", ["", "tcp://"])
def test_a_collector_that_is_away_is_told_once_on_the_screen_and_in_the_file(installed, capsys, way):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert cli.main(["status", "--prefix", str(installed.root), "--syslog", f"{way}127.0.0.1:{port}"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(rf"warning: [0-9]+ log lines? (was|were) not delivered to \w+://127.0.0.1:{port}: .+", line)
    filed = max(installed.logs.glob("*-status-*.log")).read_text(encoding="utf-8")
    assert f"not delivered to {way or 'udp://'}127.0.0.1:{port}" in filed


def test_a_log_file_is_readable_and_a_collector_gets_ascii():
    record = logging.LogRecord("ragtrace", logging.INFO, "", 0, "설치 완료", None, None)
    assert "설치 완료" in runlog.Lines("install").format(record)
    assert r"\uc124\uce58" in runlog.Lines("install", 2000).format(record)


def test_each_datagram_that_is_refused_counts(sending, monkeypatch):
    monkeypatch.setattr(syslog, "RETRY", 0.05)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    collector = sending(f"127.0.0.1:{port}")
    LOG.info("first")
    LOG.info("second")
    runlog.end([collector])
    assert (collector.lost, collector.reason) == (2, "Connection refused")
