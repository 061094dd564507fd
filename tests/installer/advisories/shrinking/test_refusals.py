"""Files that are refused, in words about the file, and what never passes."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, Callable

import pytest

from bundle.advisories.exceptions import Exceptions
from bundle.advisories.index import Index
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.snapshot import read_snapshot
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import ED25519
from installer.advisories.update import UpdateOptions, update
from shared.errors import TrustError
from tests.advisories import below, record, sign_beside
from tests.installer.advisories.conftest import APPROVER, KEY
from tests.installer.advisories.shrinking.attacker import (
    BROUGHT,
    FULL,
    FURTHER,
    NOTHING,
    Attacker,
    removal,
)
from tests.keys import SoftKey

if TYPE_CHECKING:
    from collections.abc import Iterator


def refusals(attacker: Attacker) -> Iterator[tuple[str, Callable[[], Any]]]:
    snapshot, other = attacker.snapshot(*FULL), SoftKey(ED25519)
    reasons = Exceptions(9, ()).to_bytes()
    yield "snapshot", lambda: attacker.adopt(snapshot, other)
    yield "snapshot", lambda: attacker.adopt(snapshot, APPROVER)
    yield "snapshot", lambda: attacker.adopt(snapshot, role="exceptions")
    yield "exceptions file", lambda: attacker.adopt(reasons, other, "exceptions")
    yield "exceptions file", lambda: attacker.adopt(reasons, KEY, "exceptions")
    yield "exceptions file", lambda: attacker.adopt(reasons, APPROVER, "release")


@pytest.mark.parametrize("number", range(6))
def test_words_about_the_file(attacker, number):
    kind, call = list(refusals(attacker))[number]
    with pytest.raises(TrustError) as refused:
        call()
    assert refused.value.advice.startswith(f"Do not use this {kind}; request it again")
    assert "install" not in refused.value.advice


def test_swapped_signatures(attacker):
    """The signature of one snapshot beside another one."""
    first, second = attacker.snapshot(*FULL), attacker.snapshot(*FULL)
    path = sign_beside(attacker.folder / "offered", first, NAMESPACES["advisories"], KEY)
    path.write_bytes(second)
    with pytest.raises(TrustError, match="one of the two was modified") as refused:
        update(path, attacker.site.installation, attacker.site.trust_stores, UpdateOptions(now=attacker.now))
    assert "Do not use this snapshot" in refused.value.advice


@pytest.mark.parametrize("which", ["truncated", "member removed", "not a zip", "header of another"])
def test_a_broken_snapshot(attacker, which):
    data = attacker.snapshot(*FULL)
    if which == "truncated":
        broken = data[: len(data) // 2]
    elif which == "not a zip":
        broken = b"PK" + bytes(100)
    else:
        stream, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
        other = zipfile.ZipFile(io.BytesIO(attacker.snapshot(BROUGHT)))
        with zipfile.ZipFile(stream, "w") as archive:
            for name in source.namelist():
                if which == "member removed" and name == "index.jsonl":
                    continue
                archive.writestr(name, (other if name == "snapshot.json" else source).read(name))
        broken = stream.getvalue()
    before = attacker.scan().snapshot
    with pytest.raises(TrustError, match="advisories"):
        attacker.adopt(broken)
    assert attacker.scan().snapshot == before


def test_the_same_sequence_with_other_bytes(attacker):
    number = attacker.scan().snapshot.header.sequence
    with pytest.raises(TrustError, match="not higher than"):
        attacker.offer(*FULL, FURTHER, sequence=number)


def test_a_stale_snapshot_never_passes(attacker):
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    attacker.install("clean", "1.0")
    attacker.day += 40
    assert attacker.scan().assessment.status == "WARN"


def test_a_fix_that_is_no_version(attacker):
    """What fixes it is shown only: a text that is no version does not stop the scan."""
    data = attacker.snapshot(*FULL)
    snapshot = read_snapshot(data)
    lines = {**snapshot.index.lines, "demo-lib": snapshot.index.lines["demo-lib"].replace(b'"1.3"]', b'"odd"]')}
    found = scan(Index(lines), [Installed("demo-lib", "1.2.0")])
    assert [(one.id, one.fixed) for one in found.findings] == [("TEST-1", ())]


def test_what_was_undecided_is_not_decided_for_nothing(attacker):
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    attacker.install("odd", "1.0")
    odd = record("TEST-5", "odd", {"introduced": "0"}, {"fixed": "2018-04-22b"})
    attacker.offer(*FULL, odd)
    assert attacker.scan().assessment.status == "WARN"
    for decided in ("1.0", "2.0"):
        attacker.offer(*FULL, record("TEST-5", "odd", *below(decided), vector=NOTHING))
        found = attacker.scan().assessment
        assert [one.id for one in found.doubts] == ["TEST-5"]
        assert found.status == "WARN"
    last = found.doubts[0].gone.last
    attacker.approve(sequence=1, removals=(removal("TEST-5", last, package="odd"),))
    assert attacker.scan().assessment.status == "PASS"
