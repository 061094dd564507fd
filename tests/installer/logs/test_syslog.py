"""Lines reach a collector over UDP and TCP; one that is away, stalled or gone costs nothing but its lines."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time

import pytest

from installer.logs import delivery, runlog, spool, syslog
from installer.logs.collector_address import TCP_LIMIT, UDP_LIMIT
from tests.installer.logs.receiving import MESSAGE, Server, parsed

LOG = runlog.LOG
pytestmark = pytest.mark.usefixtures("state")


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
