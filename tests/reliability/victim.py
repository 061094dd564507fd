"""The installer's command line as a program that is to be hurt: one of its processes runs behind strace.

Process 0 is the installer itself and is put behind strace by whoever starts this; process k is the
k-th program that its main thread starts (those of other threads count from OTHERS), and is put behind strace here.
Its threads are kept to one. When it is killed, this one dies at once, as both would when the power goes; not when the
installer itself ended it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bootstrap import cli
from bootstrap.api import here
from installer.release.environment import meanwhile
from installer.trust.stores import TrustStores
from shared.files import files
from shared.processes import process

OTHERS = 1001
ONE_THREAD = {"RAYON_NUM_THREADS": "1", "TOKIO_WORKER_THREADS": "1", "UV_CONCURRENT_INSTALLS": "1"}


def places_in(folder):
    """Return places of trust in a folder."""
    # on Windows nothing of the tests belongs to Administrators, as what counts for the whole host must
    windows = os.name == "nt"
    owner = 0 if windows else os.geteuid()
    return TrustStores(folder / "host", folder / "user", folder, privileged=not windows, owner=owner)


def own_places(folder):
    """Keep what a run accepts in a folder, away from this machine's places of trust."""
    here.host_trust_stores = lambda: places_in(folder)  # type: ignore[attr-defined]


def hurt(prefixes):
    """Put programs that the installer starts behind commands, by their number; ``*`` stands for all."""
    run, kill_tree = process.run, process.kill_tree
    numbers, others = count(1), count(OTHERS)
    ended_here = threading.Event()

    def killing(program):
        ended_here.set()
        kill_tree(program)

    def running(argv, *, env=None, **options):
        number = next(numbers if threading.current_thread() is threading.main_thread() else others)
        before = prefixes.get(str(number)) or [part.format(number=number) for part in prefixes.get("*", [])]
        if not before:
            return run(argv, env=env, **options)
        ended = run([*before, *argv], env={**(os.environ if env is None else env), **ONE_THREAD}, **options)
        if ended.returncode == -signal.SIGKILL and not ended_here.is_set():
            os.kill(os.getpid(), signal.SIGKILL)
        return ended

    process.run, process.kill_tree = running, killing


def leave_out_sync():
    """Break the product: what was written before a release counts is not made to last."""
    files.sync_filesystem = lambda path: None


def install_in_batches():
    """Install the wheels of small bundles, too, while the rest of the bundle is verified."""
    meanwhile.LEAST = 1


def main(argv):
    spec = json.loads(argv[0])
    if spec.get("batches"):
        install_in_batches()
    if spec.get("no_sync"):
        leave_out_sync()
    own_places(Path(spec["trust"]))
    hurt(spec["programs"])
    return cli.main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
