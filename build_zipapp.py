"""Build ragtrace-install.pyz for one platform and architecture, for CPython 3.9 to 3.15.

builder/zipapp/pack.py documents how it is built.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from builder.fetch.cache import Cache, default_cache
from builder.fetch.fetching import Fetching
from builder.zipapp.pack import EARLIEST, Packing, build_zipapp
from bundle.digest import sha256_file
from bundle.names import INSTALLER
from bundle.target import PYTHONS, host_target, parse_target
from shared.i18n import _
from shared.terminal import commandline, console, progress

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Build the zipapp that the command line specifies; return the exit code."""
    parser = argparse.ArgumentParser(prog="build_zipapp.py", description=_("Build the installer for one platform."))
    parser.add_argument(
        "--output-dir", type=Path, required=True, help=_("the folder for {name}").format(name=INSTALLER)
    )
    parser.add_argument("--target", help=_("for example linux-x86_64 (default: this machine)"))
    parser.add_argument("--cache-dir", type=Path, help=_("where downloads are stored"))
    parser.add_argument("--offline", action="store_true", help=_("use only wheels from the cache"))
    parser.add_argument("--policy", type=Path, help=_("the policy whose keys the installer trusts"))
    parser.add_argument("--verbose", action="store_true", help=_("show timings"))
    return commandline.run_command(_command, parser.parse_args(argv))


def _command(arguments: argparse.Namespace) -> int:
    target = parse_target(arguments.target or str(host_target()), PYTHONS[0])
    policy = arguments.policy.read_bytes() if arguments.policy else None
    packing = Packing(policy, int(os.environ.get("SOURCE_DATE_EPOCH", EARLIEST)))
    cache = Cache(arguments.cache_dir or default_cache())
    fetching = Fetching(cache, progress.make_progress(), arguments.offline)
    path = build_zipapp(arguments.output_dir / INSTALLER, target, fetching, packing)
    console.show(f"{sha256_file(path)[0]}  {path}")
    return commandline.DONE


if __name__ == "__main__":
    sys.exit(main())
