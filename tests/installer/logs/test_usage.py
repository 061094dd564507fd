from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import cli
from bundle import digest, strict
from installer.layout.prefix import Prefix
from installer.logs.usage import PHASES, Usage, read_usage
from installer.release import receipt
from shared.errors import TrustError
from tests.helpers import install
from tests.installed import make_prefix
from tests.tiny import COUNTER, tiny_bundle

USAGE = Usage({"verify": 1.5, "environment": 2.25}, 100_000_000, 50_000_000, None, 3_000_000)
ROOT = Path(__file__).resolve().parents[3]


def test_reading_gives_what_was_written() -> None:
    assert read_usage(strict.loads(strict.dumps(USAGE.to_json()), "usage", limit=1000), "usage") == USAGE
    assert USAGE.line() == "took 3.8 s, peak memory 100.0 MB, peak memory of uv 50.0 MB, 3.0 MB written"


@pytest.mark.parametrize(
    "change",
    [{"seconds": {"verify": "1"}}, {"seconds": {"other": 1}}, {"written": -1}, {"written": True}, {"more": 1}],
)
def test_what_is_no_usage_is_refused(change) -> None:
    with pytest.raises(TrustError):
        read_usage({**USAGE.to_json(), **change}, "usage")


def test_an_installation_keeps_what_it_took(tiny, tmp_path, host, capsys) -> None:
    prefix = Prefix(tmp_path / "prefix")
    install(tiny, prefix)
    usage = receipt.read_receipt(prefix.active()).usage
    assert list(usage.seconds) == list(PHASES)
    assert all(seconds >= 0 for seconds in usage.seconds.values())
    assert usage.seconds["environment"] > 0
    assert usage.peak_memory > 10_000_000
    cli.main(["status", "--prefix", str(prefix.root)])
    assert usage.line() in capsys.readouterr().out
    cli.main(["history", "--prefix", str(prefix.root), "--json"])
    (event,) = json.loads(capsys.readouterr().out)["events"]
    assert event["usage"] == usage.to_json()


def test_a_rollback_takes_no_credit(tiny, tmp_path, host, capsys) -> None:
    prefix = Prefix(tmp_path / "prefix")
    install(tiny, prefix)
    install(tiny_bundle(tmp_path / "next", counter=COUNTER + 1, key=tiny.key.with_suffix("")), prefix)
    assert cli.main(["rollback", "--prefix", str(prefix.root), "--quiet"]) == 0
    capsys.readouterr()
    cli.main(["history", "--prefix", str(prefix.root), "--json"])
    events = json.loads(capsys.readouterr().out)["events"]
    assert [(event["action"], event["usage"] is not None) for event in events] == [
        ("install", True), ("install", True), ("rollback", False)
    ]  # fmt: skip


def test_a_receipt_without_it_is_read(tmp_path) -> None:
    release = make_prefix(tmp_path).active()
    value = json.loads(release.receipt_file.read_bytes())
    del value["usage"]
    os.chmod(release.path, 0o755)
    release.receipt_file.unlink()
    release.receipt_file.write_bytes(json.dumps(value).encode())
    sealed = digest.sha256_file(release.receipt_file)[0]
    assert receipt.read_receipt(release, sealed).usage is None


METER = """
import json, subprocess, sys
from installer.logs.usage import ENVIRONMENT, TRIAL, Meter
child = "import os, sys; f = open(sys.argv[1], 'wb'); f.write(b'x' * int(sys.argv[2])); f.flush(); os.fsync(f)"
meter = Meter()
for phase, size in ((ENVIRONMENT, 60_000_000), (TRIAL, 120_000_000)):
    with meter.phase(phase):
        subprocess.run([sys.executable, "-c", child, sys.argv[1], str(size)], check=True)
print(json.dumps(meter.usage().to_json()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what Linux tells of children")
def test_programs_that_are_called_count_by_their_phase(tmp_path) -> None:
    argv = [sys.executable, "-c", METER, str(tmp_path / "file")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    usage = json.loads(done.stdout)
    assert 60_000_000 < usage["peak_memory_uv"] < 120_000_000
    assert 120_000_000 < usage["peak_memory_programs"] < 240_000_000
    assert usage["peak_memory"] < 60_000_000
    # a filesystem in memory sends nothing to a disk
    assert usage["written"] >= 180_000_000 or usage["written"] < 10_000_000
    assert list(usage["seconds"]) == ["environment", "trial"]
