"""Compare the sizes of a full and a delta bundle of a RAGTrace-sized project whose next version changes one wheel.

    python benchmarks/building/delta.py FOLDER [--cache-dir .cache/builder] [--package pandas]

FOLDER needs about 12 GB of free space. Sizes are of the bundle folders. uv creates the lockfile of the next version
from the index, with PACKAGE below the version that benchmarks/ragtrace_scale locks. The exit code is 1 if the delta
bundle has a hundredth of the full bundle's size or more.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import tomllib
import uv

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.building import scale

MOST = 1 / 100


def next_version(folder: Path, package: str) -> Path:
    """Return a copy of the project whose lockfile has an earlier version of a package."""
    project = folder / "next"
    shutil.copytree(scale.PROJECT, project)
    with (project / "uv.lock").open("rb") as file:
        locked = {entry["name"]: entry["version"] for entry in tomllib.load(file)["package"]}
    path = project / "pyproject.toml"
    text = path.read_text().replace('version = "0.1.0"', 'version = "0.2.0"')
    text = text.replace("constraint-dependencies = [", f'constraint-dependencies = ["{package}<{locked[package]}", ')
    path.write_text(text)
    argv = [uv.find_uv_bin(), "lock", "--quiet", "--project", str(project), "--upgrade-package", package]
    subprocess.run(argv, check=True)
    return project


def build(project: Path, folder: Path, name: str, cache: Path, *more: str) -> Path:
    """Build a bundle in a separate output folder and return the bundle folder."""
    argv = [sys.executable, "-m", "builder", "build", "--project-root", str(project), "--json", *more]
    places = ["--output-dir", str(folder / name), "--cache-dir", str(cache), "--sign-key", str(folder / "key")]
    done = subprocess.run([*argv, *places], cwd=scale.ROOT, check=True, stdout=subprocess.PIPE)
    return Path(json.loads(done.stdout)["bundles"][0]["folder"])


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare a delta with a whole bundle.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache-dir", type=Path, default=scale.ROOT / ".cache" / "builder")
    parser.add_argument("--package", default="pandas", help="of which the next version has another wheel")
    arguments = parser.parse_args()
    folder, cache = arguments.folder.resolve(), arguments.cache_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    keygen = [sys.executable, "-m", "builder", "keygen", str(folder / "key"), "--no-passphrase"]
    subprocess.run(keygen, cwd=scale.ROOT, check=True, stdout=sys.stderr)
    base = build(scale.PROJECT, folder, "base", cache, "--counter", "1")
    project = next_version(folder, arguments.package)
    sizes = {
        "whole bundle": size_of(build(project, folder, "whole", cache, "--counter", "2")),
        "delta": size_of(build(project, folder, "delta", cache, "--counter", "2", "--base", str(base))),
    }
    print(f"One wheel ({arguments.package}) is another:\n\n| | bytes |\n|---|---:|")
    for name, size in sizes.items():
        print(f"| {name} | {size} |")
    ratio = sizes["delta"] / sizes["whole bundle"]
    print(f"\nThe delta has {100 * ratio:.2f} % of the whole bundle.")
    return int(ratio >= MOST)


if __name__ == "__main__":
    sys.exit(main())
