"""Generated bundles end with a sentence and an exit code that means something, in little time, and never with 70.

``make test`` takes a few of each format; RAGTRACE_TEST_HOSTILE=all takes them all (``make hostile``).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import Any

import pytest

from shared.files import files
from tests.hostile import generated, kit
from tests.hostile.test_wheels import WHEEL

ALL = os.environ.get("RAGTRACE_TEST_HOSTILE") == "all"
PARTS = 16 if ALL else 97  # every PARTS-th case is one test
FINE = {0, 3, 4}  # installed; refused: the bundle, this host


@pytest.mark.parametrize("part", range(PARTS) if ALL else [0])
def test_no_generated_bundle_ends_as_a_bug(host, original, capsys, tmp_path, part) -> None:
    cases = generated.cases(original)[part::PARTS]
    faults: list[Any] = []
    ends: Counter[Any] = Counter()
    for case in cases:
        draft = case.change(original.draft(host.root / "media" / "bundle"))
        draft.write(kit.ARCHIVE)
        case.late(draft)
        ended = [(name, run(host, capsys, name, draft, tmp_path / "prefix")) for name in ("verify", "dry run")]
        if ended[-1][1].code == 0:
            ended.append(("install", run(host, capsys, "install", draft, tmp_path / "prefix")))
        faults += [f"{case.name}: {name}: {fault(one, case)}" for name, one in ended if fault(one, case)]
        ends[ended[-1][1].code] += 1
        kit.forget(draft.folder)
        files.remove_tree(tmp_path / "prefix")
    with capsys.disabled():
        sys.stdout.write(f"{len(cases)} cases, number by exit code: {dict(sorted(ends.items()))}\n")
    assert not faults, "\n".join(faults)
    assert len(cases) >= (200 if ALL else 20)
    assert ends[3] > len(cases) // 2


def run(host, capsys, name, draft, prefix) -> kit.Ended:
    if name == "verify":
        return host.run(capsys, "verify", draft.folder)
    return host.run(capsys, "install", draft.folder, "--prefix", prefix, *(["--dry-run"] if name == "dry run" else []))


def fault(ended: kit.Ended, case: generated.Case) -> str:
    """Return what is wrong with how a command ended, "" for nothing."""
    # what only an installation can try ends with 5: the application, its settings, its model; never a wheel
    fine = FINE if case.name.startswith("wheel-") else FINE | {5}
    if ended.code not in fine:
        return f"exit code {ended.code}: {ended.text[-300:]}"
    if ended.code == 3 and case.name.startswith("wheel-") and WHEEL.rpartition("/")[2] not in ended.text:
        return f"names no wheel: {ended.text[-300:]}"
    if "Traceback" in ended.text or "\x1b" in ended.text:
        return ended.text[-300:]
    return f"{ended.seconds:.0f} s" if ended.seconds > kit.BOUND else ""
