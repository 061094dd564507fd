"""Create .venv from the hashed uv.lock; requires only a Python with venv.

pip installs only uv, pinned with the hashes of uv.lock; uv then syncs all other packages
from the same lockfile. Both reject a file whose digest differs.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import tomllib

ROOT = Path(__file__).resolve().parent.parent


def pinned(lock: dict[str, Any], name: str) -> str:
    """Return the requirement line of a package of uv.lock, with the digests of all its wheels."""
    package = next(p for p in lock["package"] if p["name"] == name)
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in package["wheels"])
    return f"{name}=={package['version']} {hashes}\n"


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}: run make PYTHON=python3.12")
    environment = ROOT / ".venv"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(environment, with_pip=True, clear=True)
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "uv.txt")
        requirement.write_text(pinned(lock, "uv"), encoding="utf-8")
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run(
            [*pip, "--only-binary=:all:", "--require-hashes", "--no-deps", "-r", str(requirement)], check=True
        )
    env = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)}
    subprocess.run(
        [str(python), "-m", "uv", "sync", "--locked", "--quiet", "--python", str(python)], cwd=ROOT, env=env, check=True
    )
    subprocess.run([str(python), "-m", "tools.catalogues"], cwd=ROOT, check=True)
    (environment / "ready").touch()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"The environment could not be made: {error.cmd[2]} failed; its message stands above.")
