"""Time a roll-out over 1, 10 and 30 hosts on this machine, with the memory of the control node; takes root on Linux.

.venv/bin/python -m benchmarks.fleets.rollout [HOSTS …]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from tests.fleet.control import Control, installed_collection
from tests.fleet.network import Fleet
from tests.fleet.releases import Releases


def measure(count: int, folder: Path, collections: Path, releases: Releases) -> str:
    """Install on a fresh fleet, run again, and upgrade; return a row of the table."""
    fleet = Fleet(folder / f"fleet-{count}")
    fleet.folder.mkdir()
    seconds = []
    try:
        fleet.start(count)
        control = Control(fleet, folder / f"control-{count}", collections)
        for number in (1, 1, 2):
            variables = {
                "rollout_prefix": "/opt/tiny",
                "rollout_bundles": releases.release(number),
                "rollout_signers": [releases.signer],
                "rollout_secrets": {"TINY_API_KEY": "any"},
            }
            begun = time.monotonic()
            done = control.play("rollout", variables)
            seconds.append(time.monotonic() - begun)
            assert done.returncode == 0, done.output[-3000:]
    finally:
        fleet.close()
    waves = min(count, 3)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    install, again, upgrade = seconds
    return f"| {count} | {waves} | {install:.0f} | {again:.0f} | {upgrade:.0f} | {memory:.0f} |"


def main() -> None:
    """Print a table of seconds, and of MiB of the largest process."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "hosts", type=int, nargs="*", default=[1, 10, 30], help="how many, one roll-out for each number"
    )
    counts = parser.parse_args().hosts
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("collection", "releases"):
            (folder / part).mkdir()
        collections, releases = installed_collection(folder / "collection"), Releases(folder / "releases")
        print("| hosts | waves | install | run again | upgrade | MiB |\n|---|---|---|---|---|---|")
        for count in counts:
            print(measure(count, folder, collections, releases), flush=True)


if __name__ == "__main__":
    main()
