"""Every live advisory of a real export, at every listed version and around every bound: the matcher, by its specifiers
safety's way to match, and the literal evaluator of the records agree with the specification taken to the letter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from builder.advisories.osv import advisories_of
from bundle.advisories.matcher import judge
from tests.builder.advisories.agreement import ALLOWED, VERDICTS, by_record, literal
from tests.builder.advisories.osv_literal import interesting_versions

ROOT = Path(__file__).parents[3]


def test_whole_export(real_export, record_property):
    argv = [sys.executable, "-m", "tests.builder.advisories.agreement", str(real_export)]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    found = json.loads(ended.stdout)
    counts = found["counts"]
    record_property("counts", counts)
    record_property("undecided", found["undecided"])
    assert found["differences"] == []
    assert counts["advisories"] > 5000
    assert counts["affected"] > 100_000
    assert counts["clear"] > 50_000
    assert counts["possible"] > 100
    assert len(found["undecided"]) < 30


def record(*events, versions=()):
    ranges = [{"type": "ECOSYSTEM", "events": [dict([event]) for event in events]}] if events else []
    affected = {"package": {"ecosystem": "PyPI", "name": "demo"}, "ranges": ranges, "versions": list(versions)}
    return {"id": "DEMO-1", "affected": [affected]}


@pytest.mark.parametrize(
    "written",
    [
        record(("introduced", "0"), ("fixed", "2.0")),
        record(("introduced", "1.0"), ("last_affected", "2.0")),
        record(("introduced", "1.0rc1"), ("fixed", "1.0.post1"), ("introduced", "2!0"), ("fixed", "2!1.dev3")),
        record(("fixed", "2.0"), ("introduced", "2.0"), ("fixed", "3.0"), ("introduced", "0")),
        record(("introduced", "0"), ("last_affected", "1.0"), ("last_affected", "1.5"), ("fixed", "2.0")),
        record(("introduced", "0"), ("fixed", "1.0"), ("fixed", "1.0")),
        record(("introduced", "3.0"), ("fixed", "1.0")),
        record(("introduced", "0")),
        record(("introduced", "0"), ("last_affected", "2.6.0-cu124")),
        record(("introduced", "0"), ("fixed", "2018-04-22b"), versions=("1.0", "2018-04-22a")),
        record(versions=("1.0", "1.0rc1", "wrong")),
        record(),
        record(("fixed", "2.0")),
        record(("last_affected", "0"), ("introduced", "0")),
        record(("introduced", "0"), ("fixed", "0")),
        record(("introduced", "1.0+cu1"), ("fixed", "2.0+cu1")),
        record(("introduced", "0.1.0-NA"), ("last_affected", "0.2.0-alpha\\.33")),
    ],
)
def test_shapes_of_ranges(written):
    advisory = advisories_of(written)["demo"]
    versions = interesting_versions(written) | {"wrong", "1.2", "2.5"}
    own = by_record(written, "demo", versions)
    for text in versions:
        answer = literal(written, "demo", text)
        assert judge(advisory, text) in ALLOWED[answer], text
        assert own(text) == VERDICTS[answer], text
