"""The log files of runs: how many are retained, in which order, and how they read."""

from __future__ import annotations

import logging
import time

from installer.logs import runlog

LOG = runlog.LOG


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


def test_a_log_file_is_readable_and_a_collector_gets_ascii():
    record = logging.LogRecord("ragtrace", logging.INFO, "", 0, "설치 완료", None, None)
    assert "설치 완료" in runlog.Lines("install").format(record)
    assert r"\uc124\uce58" in runlog.Lines("install", 2000).format(record)
