"""Debian roots for closed hosts, made once by mmdebstrap and kept in the tests' cache."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.processes import process
from tests.hosts import needs

BUILD_SECONDS = 600
OPERATOR = "operator"
OPERATOR_ID = 1000
# Debian has a system group "operator" (37), so the user's own group has a name of its own
PASSWD_LINE = f"{OPERATOR}:x:{OPERATOR_ID}:{OPERATOR_ID}:Operator:/home/{OPERATOR}:/bin/bash\n"
GROUP_LINE = f"{OPERATOR}s:x:{OPERATOR_ID}:\n"


@dataclass(frozen=True)
class Recipe:
    """What a root is made of: a Debian suite, the packages beyond its minimal base, the Python minor this gives."""

    suite: str
    packages: tuple[str, ...]
    python: str

    @property
    def key(self) -> str:
        """The root's name in the cache; it changes with anything that goes into the root."""
        reported = json.dumps([self.suite, self.packages, PASSWD_LINE, GROUP_LINE])
        return f"{self.suite}-{hashlib.sha256(reported.encode()).hexdigest()[:12]}"


RECIPES = {
    "bullseye": Recipe("bullseye", ("python3",), "3.9"),
    "bullseye-distutils": Recipe("bullseye", ("python3", "python3-distutils"), "3.9"),
    "bookworm": Recipe("bookworm", ("python3",), "3.11"),
    "trixie": Recipe("trixie", ("python3",), "3.13"),
    "sid": Recipe("sid", ("python3",), "3.14"),
    "sid-3.15": Recipe("sid", ("python3.15",), "3.15"),
    "bookworm-minimal": Recipe("bookworm", ("python3-minimal",), "3.11"),
    # hosts of a fleet; one has rsync
    "fleet-bullseye": Recipe("bullseye", ("python3", "python3-distutils", "openssh-server"), "3.9"),
    "fleet-bookworm": Recipe("bookworm", ("python3", "openssh-server", "rsync"), "3.11"),
    "fleet-trixie": Recipe("trixie", ("python3", "openssh-server"), "3.13"),
}


def ready_root(recipe: Recipe, cache: Path | None = None) -> Path:
    """Return the folder of a finished root, never to be written to; built when absent, raises Unavailable.

    A root appears under its name by one rename, so a folder of that name is whole; what a killed build left
    has another name and is removed by the next one.
    """
    roots = (cache or needs.cache_folder()) / "roots"
    root = roots / recipe.key
    with needs.lock(roots / f"{recipe.key}.lock"):
        if not root.is_dir():
            for partial in roots.glob(f"{recipe.key}.partial-*"):
                shutil.rmtree(partial)
            partial = Path(tempfile.mkdtemp(prefix=f"{recipe.key}.partial-", dir=roots))
            _build(recipe, partial)
            partial.replace(root)
    return root


def _build(recipe: Recipe, root: Path) -> None:
    needs.root_on_linux()
    program = needs.program("mmdebstrap", package="mmdebstrap")
    argv = [program, "--mode=root", "--variant=minbase", "--quiet", "--format=directory"]
    argv += ['--aptopt=Acquire::Check-Valid-Until "false"']  # a mirror of sid may be some days old
    argv += [f"--include={','.join(recipe.packages)}", recipe.suite, str(root), mirror()]
    root.chmod(0o755)
    done = process.run(argv, timeout=BUILD_SECONDS)
    if not done.ok:
        shutil.rmtree(root)
        reason = "it took too long" if done.timed_out else done.stderr[-500:]
        raise needs.Unavailable(f"mmdebstrap could not make {recipe.suite}: {reason}", installable=True)
    _add_operator(root)


def _add_operator(root: Path) -> None:
    for name, line in (("passwd", PASSWD_LINE), ("group", GROUP_LINE)):
        with (root / "etc" / name).open("a") as table:
            table.write(line)
    home = root / "home" / OPERATOR
    home.mkdir(mode=0o755)
    os.chown(home, OPERATOR_ID, OPERATOR_ID)


def mirror(apt: Path = Path("/etc/apt")) -> str:
    """Return the Debian mirror that this machine's own apt uses (sources.list(5), both styles); raises Unavailable."""
    patterns = {
        apt / "sources.list.d" / "debian.sources": r"^URIs:\s*(\S+)",
        apt / "sources.list": r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)",
    }
    for source, pattern in patterns.items():
        if source.is_file():
            found = re.findall(pattern, source.read_text(), flags=re.MULTILINE)
            main = [address for address in found if "security" not in address and "debian" in address]
            if main:
                return str(main[0])
    raise needs.Unavailable(f"no Debian mirror is named under {apt}", installable=True)
