"""Compare the time to repair one damaged package with that of a full installation, on a project of RAGTrace's size.

    python benchmarks/recover.py FOLDER [--bundle BUNDLE] [--cache-dir .cache/builder] [--package NAME]

FOLDER needs about 20 GB of free space; the bundle is built as in scale.py and installed into FOLDER/prefix, which must
not exist. Both times are of the whole command, from the start of Python to its end, including the imports of the
health check. The exit code is 1 if the repair takes a third of the installation time or more. Linux and macOS.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.building import scale

MOST = 1 / 3


def damage(prefix: Path, package: str) -> Path:
    """Modify the ``__init__.py`` of an installed package and return its path."""
    (site,) = (prefix / "current").glob("venv/lib/python*/site-packages")
    module = site / package / "__init__.py"
    module.chmod(0o644)
    with module.open("ab") as file:
        file.write(b"# changed\n")
    module.chmod(0o444)
    return module


def recover(bundle: Path, prefix: Path) -> scale.Run:
    """Repair the installation with its own installer and without the bundle."""
    alone = prefix.parent / "installer"
    alone.mkdir()
    zipapp = alone / "ragtrace-install.pyz"
    os.link(bundle / zipapp.name, zipapp)
    apart = ["unshare", "-n"] if os.geteuid() == 0 and sys.platform == "linux" else []
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    return scale.run([*apart, python, str(zipapp), "recover", "--yes", "--json", "--prefix", str(prefix)], scale.CLEAN)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a repair against an installation.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", type=Path, help="install this one, build none")
    parser.add_argument("--cache-dir", type=Path, default=scale.ROOT / ".cache" / "builder")
    parser.add_argument("--package", default="requests", help="the import name of what is damaged")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "prefix").exists():
        sys.exit(f"{folder / 'prefix'} exists: name another folder.")
    bundle = arguments.bundle or scale.build(folder, arguments.cache_dir.resolve())[0]
    installed = scale.install(bundle.resolve(), folder / "prefix")
    scale.show_times("install", installed, installed.steps)
    print(f"damaged: {damage(folder / 'prefix', arguments.package)}\n")
    repaired = recover(bundle.resolve(), folder / "prefix")
    scale.show_times("recover", repaired, repaired.steps)
    reported = json.loads(repaired.output)
    names = [name for remedy in reported["plan"]["remedies"] for name in remedy["names"]]
    print(
        f"installed again: {', '.join(names)}; checks: {', '.join(result['status'] for result in reported['results'])}"
    )
    ratio = repaired.seconds / installed.seconds
    print(f"recover takes {ratio:.2f} of an installation")
    return int(ratio >= MOST)


if __name__ == "__main__":
    sys.exit(main())
