"""Generated bundles end with a sentence and an exit code that means something, in little time, and never with 70.

``make test`` takes a few of each format; RAGTRACE_TEST_HOSTILE=all takes them all (``make hostile``).
"""

from __future__ import annotations

import os

from bootstrap import files
from tests.hostile import generated, kit

ALL = os.environ.get("RAGTRACE_TEST_HOSTILE") == "all"
STEP = 1 if ALL else 97
FINE = {0, 3, 4, 5}  # installed; refused: the bundle, this host; what is in it does not work


def test_no_generated_bundle_ends_as_a_bug(host, original, capsys, tmp_path) -> None:
    cases = generated.cases(original)[::STEP]
    faults, refused = [], 0
    for case in cases:
        draft = case.change(original.draft(host.root / "media" / "bundle"))
        draft.write(kit.ARCHIVE)
        case.late(draft)
        ended = [(name, run(host, capsys, name, draft, tmp_path / "prefix")) for name in ("verify", "dry run")]
        if ended[-1][1].code == 0 and case.name.startswith("wheel-"):
            ended.append(("install", run(host, capsys, "install", draft, tmp_path / "prefix")))
        faults += [f"{case.name}: {name}: {fault(one)}" for name, one in ended if fault(one)]
        refused += ended[-1][1].code == 3
        kit.forget(draft.folder)
        files.remove_tree(tmp_path / "prefix")
    assert not faults, "\n".join(faults)
    assert len(cases) >= (900 if ALL else 20)
    assert refused > len(cases) // 2


def run(host, capsys, name, draft, prefix) -> kit.Ended:
    if name == "verify":
        return host.run(capsys, "verify", draft.folder)
    return host.run(capsys, "install", draft.folder, "--prefix", prefix, *(["--dry-run"] if name == "dry run" else []))


def fault(ended: kit.Ended) -> str:
    """Return what is wrong with how a command ended, "" for nothing."""
    if ended.code not in FINE:
        return f"exit code {ended.code}: {ended.text[-300:]}"
    if "Traceback" in ended.text or "\x1b" in ended.text:
        return ended.text[-300:]
    return f"{ended.seconds:.0f} s" if ended.seconds > kit.BOUND else ""
