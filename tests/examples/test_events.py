"""The parser behind rsyslog drops repeats, names gaps, and remembers by what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PARSER = Path(__file__).resolve().parents[2] / "examples" / "monitoring" / "rsyslog" / "ragtrace-events"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="for rsyslog")


def line(number, stream="aaaaaaaaaaaaaaaa", host="web7"):
    head = f"<14>1 2026-01-01T00:00:00.000000+00:00 {host} ragtrace {stream} install"
    return f'{head} [meta sequenceId="{number}"] {{"n": {number}}}\n'


def parse(path, *lines, options=()):
    """Run the parser over lines, and return what its file holds then."""
    data = "".join(lines).encode()
    argv = [sys.executable, str(PARSER), "--output", str(path), *options]
    done = subprocess.run(argv, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(text) for text in path.read_bytes().splitlines()], done.stdout


def numbers(entries):
    return [entry.get("sequence", entry.get("gap")) for entry in entries]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "events.jsonl"


def test_repeats_are_dropped_and_streams_kept_apart(output):
    entries, _said = parse(output, line(1), line(2), line(1), line(2), line(3), line(1, "b" * 16), line(1, host="web8"))
    assert numbers(entries) == [1, 2, 3, 1, 1]
    assert entries[0] == {"host": "web7", "stream": "a" * 16, "sequence": 1, "severity": 6, "event": {"n": 1}}


def test_it_remembers_after_a_new_start(output):
    parse(output, line(1), line(2))
    assert numbers(parse(output, line(2), line(3), line(5))[0]) == [1, 2, 3, [4, 4], 5]
    assert numbers(parse(output, line(5), line(6))[0])[-1] == 6


def test_it_remembers_what_was_rotated(output):
    parse(output, line(1), line(2))
    output.rename(f"{output}.1")
    assert numbers(parse(output, line(1), line(2), line(3))[0]) == [3]


def test_a_file_that_is_moved_while_it_runs_is_made_anew(output):
    argv = [sys.executable, str(PARSER), "--output", str(output), "--confirm"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "OK\n"
        for number in (1, 2):
            running.stdin.write(line(number))
            running.stdin.flush()
            assert running.stdout.readline() == "OK\n"
            if number == 1:
                output.rename(f"{output}.1")
        running.stdin.close()
    assert numbers([json.loads(text) for text in output.read_bytes().splitlines()]) == [2]


def test_gaps_are_named_also_at_the_beginning(output):
    assert numbers(parse(output, line(3), line(7))[0]) == [[1, 2], 3, [4, 6], 7]


def test_a_datagram_that_was_overtaken_is_not_a_repeat(output):
    assert numbers(parse(output, line(1), line(4), line(2), line(2), line(3), line(4))[0]) == [1, [2, 3], 4, 2, 3]


def test_a_line_that_was_cut_short_by_a_crash_is_written_again(output):
    parse(output, line(1), line(2))
    output.write_bytes(output.read_bytes()[:-10])
    assert numbers(parse(output, line(2), line(3))[0]) == [1, 2, 3]


def test_each_line_is_confirmed_also_one_that_is_none(output):
    lines = (line(1), "nonsense\n", "\n", "x" * 200_000 + "\n", line(1), line(2))
    entries, said = parse(output, *lines, options=["--confirm", "--sync"])
    assert said == b"OK\n" * 7
    assert [next(iter(entry)) for entry in entries] == ["host", "unparsed", "unparsed", "host"]
    assert len(entries[2]["unparsed"]) == 1000


def test_a_text_that_is_not_json_stays_a_text(output):
    entries, _said = parse(output, line(1).replace('{"n": 1}', "plain \u2028 text"))
    assert entries[0]["event"] == {"message": "plain \u2028 text"}


def test_an_output_that_cannot_be_written_is_not_confirmed(tmp_path):
    argv = [sys.executable, str(PARSER), "--output", "/dev/full", "--confirm"]
    done = subprocess.run(argv, input=line(1).encode(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, b"OK\n")
    assert b"/dev/full" in done.stderr
