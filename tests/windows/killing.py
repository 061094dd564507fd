"""Brings kills.py to a Windows host and runs it there: ``python -m tests.windows.killing --points 100``."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.zipapp import pack
from bundle.target import parse_target
from shared.terminal.console import show
from shared.terminal.progress import NoProgress
from tests.hosts import needs
from tests.hosts.windows import windows_host

if TYPE_CHECKING:
    from tests.hosts.windows import WindowsHost

PYTHON = "C:\\python\\3.11\\python.exe"
FOLDER = "C:\\kills"
LIBRARY = f"{FOLDER}\\lib"
ENVIRONMENT = {"PYTHONPATH": LIBRARY, "PYTHONUTF8": "1"}
PARTS = 2  # at the same time
LIMIT = 3000  # seconds


def bring(host: WindowsHost, zipapp: Path, scratch: Path) -> None:
    """Put what a zipapp carries on the host, uv.exe included, and the tests and what they write bundles with."""
    with zipfile.ZipFile(zipapp) as archive:
        for name in archive.namelist():
            if name.startswith("site-packages/"):
                archive.extract(name, scratch)
    host.put(scratch / "site-packages", LIBRARY)
    for name in ("builder", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(needs.CHECKOUT / name, scratch / name, ignore=ignored)
        host.put(scratch / name, f"{LIBRARY}\\{name}")


def kill(host: WindowsHost, points: int, *more: str) -> list[dict[str, Any]]:
    """Let the host kill at so many points, some at the same time, and return what became of each."""
    work = f"{FOLDER}\\{''.join(more) or 'whole'}"

    def part(number: int) -> list[dict[str, Any]]:
        argv = [PYTHON, "-B", "-m", "tests.windows.kills", f"{work}-{number}", "--points", str(points)]
        share = ["--part", f"{number}/{PARTS}"]
        done = host.run(*argv, *share, *more, env=ENVIRONMENT, cwd=LIBRARY, timeout=LIMIT)
        assert done.returncode in (0, 1), done.stderr
        results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert results, done.stdout + done.stderr
        return results

    with ThreadPoolExecutor(PARTS) as pool:
        return [result for results in pool.map(part, range(PARTS)) for result in results]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, windows_host(Path(folder, "host")) as host:
        scratch = Path(folder, "scratch")
        output, target = Path(folder, "ragtrace-install.pyz"), parse_target("windows-amd64", "3.11")
        fetching = Fetching(Cache(needs.cache_folder() / "builder"), NoProgress())
        zipapp = pack.build_zipapp(output, target, fetching, pack.Packing())
        bring(host, zipapp, scratch)
        results = kill(host, options.points)
    for result in results:
        if result["broke"]:
            show(json.dumps(result, indent=1))
    table = Counter((result["operation"], result["kind"]) for result in results)
    for (operation, kind), count in sorted(table.items()):
        show(f"{operation:<10} {kind:<15} {count:>4}")
    hits, broken = (sum(bool(result[name]) for result in results) for name in ("hit", "broke"))
    show(f"{results[0]['of']} points, {len(results)} chosen, {hits} hit, {broken} broken states")
    show(f"in {time.monotonic() - began:.0f} s")
    return int(bool(broken))


if __name__ == "__main__":
    raise SystemExit(main())
