"""Demonstrate the main workflow on this machine: build a bundle of the example, install it offline, and use it.

All files are written to the folder ``demo``: the signing key, the bundle to transfer, and the prefix that an
air-gapped host would have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.files import files
from shared.programs.uv import base_interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
EXAMPLE = ROOT / "examples" / "rag-mini"
HOST_TRUST = Path("/etc/ragtrace/trust")
HOST_PYTHON = str(base_interpreter())


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def call(argv: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Print and run a command; ``options`` are those of subprocess.run. Raises CalledProcessError if it fails."""
    words = [os.path.relpath(part) if str(part).startswith(str(ROOT)) else str(part) for part in argv]
    print("$", *words, flush=True)
    return subprocess.run([str(part) for part in argv], check=True, text=True, **options)


def cut_off() -> list[str]:
    """Return the command prefix that runs a program without network access, or an empty list if there is none."""
    candidates = (
        (["unshare", "-n"], ["unshare", "-c", "-n"], ["unshare", "-r", "-n"]) if shutil.which("unshare") else ()
    )
    for prefix in candidates:
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    say("(This machine does not let a process be cut off from the network; the rest is the same.)")
    return []


def main() -> None:
    started = time.monotonic()
    os.chdir(ROOT)
    files.remove_tree(DEMO)
    DEMO.mkdir()
    builder: list[str | Path] = [sys.executable, "-m", "builder"]

    say("1. On the connected machine: make a key, build the signed bundle of examples/rag-mini")
    model = call([sys.executable, "-m", "tools.example_model"], stdout=subprocess.PIPE).stdout.strip().splitlines()[-1]
    call([*builder, "keygen", DEMO / "signing-key", "--no-passphrase"])
    source: list[str | Path] = ["--project-root", EXAMPLE, "--model", f"path:{model}"]
    places: list[str | Path] = ["--output-dir", DEMO / "packages", "--cache-dir", ROOT / ".cache/builder"]
    call([*builder, "build", *source, *places, "--sign-key", DEMO / "signing-key"])
    (bundle,) = (sums.parent for sums in (DEMO / "packages").glob("*/SHA256SUMS"))  # the trust slip is next to it

    say("2. On the closed host: only a Python, no network")
    closed = cut_off()
    host: list[str | Path] = [*closed, HOST_PYTHON, "-I", bundle / "ragtrace-install.pyz"]
    prefix: list[str | Path] = ["--prefix", DEMO / "prefix"]
    call([*host, "install", *prefix])

    say("3. Use the application, still without a network")
    key = {**os.environ, "RAG_MINI_API_KEY": "demo"}
    call([*closed, DEMO / "prefix/bin/rag-mini", "evaluate", EXAMPLE / "data/questions.json"], env=key)

    say("4. Check the host and the installation")
    call([*host, "validate", *prefix, "--output", DEMO / "diagnosis.json"], env=key)

    say(f"Done in {time.monotonic() - started:.0f} s. Everything is in {DEMO.relative_to(ROOT)}:")
    for path, what in (
        (bundle, "the bundle folder"),
        (DEMO / "prefix/current", "the active release"),
        (DEMO / "prefix/bin", "the application's commands"),
        (DEMO / "prefix/data", "the user's data, which survives upgrades and rollbacks"),
        (DEMO / "diagnosis.json", "what validate found"),
    ):
        print(f"  {os.path.relpath(path):<48} {what}")
    if HOST_TRUST.is_dir():
        print(f"  {HOST_TRUST!s:<48} the newest release of each product that this host accepted")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
