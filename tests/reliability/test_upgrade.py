"""An upgrade and the newer installer that it starts share one fate, whichever of the two is ended, and however."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bundle.signing.signature import ED25519
from installer.trust.authority import read_key
from shared.processes import process
from tests import tiny
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.reliability import invariants
from tests.reliability import world as worlds
from tests.reliability.test_survivors import HEALTH, UV, lives
from tests.reliability.victim import __file__ as victim
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
ROOT = Path(__file__).resolve().parents[2]
OUTER, INNER = "upgrade", "installer"
# the newer installer is the real one, but for a program of a number, which waits in the background as long as it lives
NEWER = """
import json, os, sys
sys.path.insert(0, {root!r})
from tests.reliability import victim
place = os.path.dirname(sys.argv[sys.argv.index("--prefix") + 1])
mark, number = os.path.join(place, "mark"), open(os.path.join(place, "number")).read()
waiting = '''PATH=/usr/bin:/bin:$PATH; trap "" TERM HUP INT
sleep 600 & echo $! $$ $PPID >"$0.new"; mv "$0.new" "$0"; wait'''
spec = {{"trust": {trust!r}, "programs": {{number: ["/bin/sh", "-c", waiting, mark]}} if number else {{}}}}
print("newer:", sys.argv[0], file=sys.stderr, flush=True)
sys.exit(victim.main([json.dumps(spec), *sys.argv[1:]]))
"""


@pytest.fixture(scope="session")
def newer(world):
    """Make a release whose installer is this source tree's, on a host that trusts its signer."""
    folder = world.folder / "upgrading"
    data, root = io.BytesIO(), SoftKey(ED25519)
    trust = world.folder / "trust-upgrading"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("__main__.py", NEWER.format(root=str(ROOT), trust=str(trust)))
    made = tiny.tiny_bundle(
        folder, counter=tiny.COUNTER + 1, version="2.0.0", installer=data.getvalue(), key=world.key.with_suffix("")
    )
    lay(trust / "host", make_policy(1, [read_key(str(world.key))], [root.key]), root)
    return made.folder, trust


def begin(world, newer, place, program):
    prefix = world.start(worlds.UPGRADE, place)
    (place / "number").write_text(program)
    spec = json.dumps({"trust": str(newer[1]), "programs": {}})
    argv = [sys.executable, victim, spec, "upgrade", str(newer[0]), "--prefix", str(prefix.root)]
    env = {**os.environ, "TMPDIR": str(place / "tmp")}
    (place / "tmp").mkdir()
    return prefix, subprocess.Popen(argv, cwd=ROOT, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


CASES = [(OUTER, number, UV) for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
CASES += [(INNER, signal.SIGKILL, UV), (INNER, signal.SIGTERM, UV)]
CASES += [(OUTER, signal.SIGKILL, HEALTH), (INNER, signal.SIGKILL, HEALTH)]


@pytest.mark.parametrize(("who", "number", "program"), CASES)
def test_what_ends_one_ends_the_other(world, newer, tmp_path, who, number, program):
    place = tmp_path / "place"
    prefix, run = begin(world, newer, place, program)
    mark = place / "mark"
    try:
        until(lambda: mark.exists() or run.poll() is not None)
        assert mark.exists(), run.communicate()
        *programs, inner = map(int, mark.read_text().split())
        previous = next(release for release in prefix.complete_releases() if release.counter == tiny.COUNTER)
        os.kill(run.pid if who == OUTER else inner, number)
        _out, said = run.communicate(timeout=PATIENCE)
        until(lambda: not any(map(lives, [*programs, inner])))
    finally:
        run.kill()
        run.wait()
    assert "Traceback" not in said
    if number != signal.SIGKILL:
        word = "Interrupted." if number == signal.SIGINT else f"Terminated by {number.name}."
        assert (run.returncode, said.splitlines()[-1]) == (128 + number, word)
    elif who == INNER:
        assert run.returncode == 5
        state = f"still {previous.id}" if program == UV else f"now {prefix.named().id}"
        assert f"The active release is {state}" in said
        assert prefix.active().id == state.split()[1]
    worlds.tell(["status", "--prefix", str(prefix.root)])
    assert list((place / "tmp").iterdir()) == []
    invariants.check_clean(prefix)
    if program == UV:
        assert prefix.active() == previous
    if program == UV and number == signal.SIGKILL:
        (place / "number").write_text("")
        spec = json.dumps({"trust": str(newer[1]), "programs": {}})
        done = process.run(
            [sys.executable, victim, spec, "upgrade", str(newer[0]), "--prefix", str(prefix.root)], timeout=PATIENCE
        )
        assert done.ok, done
        assert prefix.active().counter == tiny.COUNTER + 1
