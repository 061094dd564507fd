"""The operating guide of one bundle: docs/operating.md for its platform only, with its own names and commands.

The page is written once, for every platform. In it:
* ``<!-- only linux macos -->`` … ``<!-- end -->`` encloses text for these platforms; text for ``docs`` is in no bundle
* ``<!-- bundle -->`` is replaced by the bundle's details (bundle_files/FACTS.md)
* ``PREFIX`` stands for the installation folder, ``python3`` for the host's Python, in commands and in prose
* a link in parentheses to another page is removed, because that page is not in the bundle
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from string import Template
from typing import TYPE_CHECKING

from bundle.manifest import MODELS
from bundle.names import INSTALLER
from bundle.opening import SUMS
from bundle.product.commands import TOOL as OWN
from shared.files.folders import TOOL
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.models.models import CollectedModel
    from builder.project.profile import Profile
    from bundle.manifest import Product
    from bundle.target import Target

DOCS = Path(__file__).parents[2] / "docs"
FACTS = Path(__file__).parent.parent / "bundle_files"
# name in the bundle → page of the documentation, a bundle's details in the same language
PAGES = {"OPERATING.md": ("operating.md", "FACTS.md"), "OPERATING.ko.md": ("operating.ko.md", "FACTS.ko.md")}
# the folder that folders.user_data returns, as written in prose and in a shell of the platform
HOMES = {
    "linux": ("~/.local/share", "~/.local/share"),
    "macos": ("~/Library/Application Support", "$HOME/Library/Application Support"),
    "windows": ("%LOCALAPPDATA%", "%LOCALAPPDATA%"),
}
_ONLY = re.compile(r"<!-- only ([a-z ]+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
_PREFIX = re.compile(r"\bPREFIX((?:/[\w.-]+)*)/?")
_LINK = re.compile(r" ?\(\[[^\]]*\]\([\w.-]+\.md\)\)")
_FENCE = "```"
BUNDLE = "<!-- bundle -->\n"


@dataclass(frozen=True)
class Facts:
    """The details of one bundle; ``keyids`` lists the IDs of the keys that its installer pins."""

    product: Product
    target: Target
    profile: Profile
    models: Sequence[CollectedModel] = ()
    keyids: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        """The platform whose commands and folders the host has: those of Linux do not depend on its C library."""
        return "linux" if self.target.platform == "musllinux" else self.target.platform

    @property
    def windows(self) -> bool:
        return self.target.platform == "windows"

    @property
    def python(self) -> str:
        return "python" if self.windows else "python3"

    def installed(self, inside: str = "", *, code: bool = False) -> str:
        """Return a path in the default prefix as shown in prose or, with ``code``, as typed in a shell."""
        home = HOMES[self.system][code]
        path = f"{home}/{TOOL}/{self.product.name}{inside}"
        if not self.windows:
            return f'"{path}"' if code and " " in path else path
        command = PurePosixPath(inside).parent.name == "bin"
        path = path.replace("/", "\\") + (".cmd" if command else "")
        return f'"{path}"' if code else path


def page(name: str, facts: Facts) -> str:
    """Return the page ``name``, one of PAGES, filled in with the bundle's details."""
    source, own = ((folder / part).read_text(encoding="utf-8") for folder, part in zip((DOCS, FACTS), PAGES[name]))
    text = _ONLY.sub(lambda block: block[2] if facts.system in block[1].split() else "", source)
    text = text.replace("# ", f"# {facts.product.title} {facts.product.version}: ", 1)
    text = text.replace(BUNDLE, "\n" + Template(own).substitute(values(facts)))
    return "\n".join(_for_host(text.split("\n"), facts))


def _for_host(lines: list[str], facts: Facts) -> Iterator[str]:
    """Yield the lines of a page with the paths and commands of the bundle's platform."""
    code = False
    for line in lines:
        code ^= line.startswith(_FENCE)
        there = _PREFIX.sub(partial(_place, facts, code), _LINK.sub("", line))
        yield re.sub(r"\bpython3(?= )", facts.python, there)


def _place(facts: Facts, code: bool, found: re.Match[str]) -> str:  # noqa: FBT001 - bound by partial
    return facts.installed(found[1], code=code)


def values(facts: Facts) -> dict[str, str]:
    """Return the values of the placeholders in FACTS.md."""
    product, application = facts.product, facts.profile.application
    environment = application.environment
    loaded = dict.fromkeys((*environment.template, *environment.also, *environment.defaults))
    others = [name for name in loaded if name not in (*environment.required, *environment.values)]
    return {
        "title": product.title,
        "version": product.version,
        "counter": str(product.counter),
        "target": str(facts.target),
        "python_version": facts.target.python,
        "archive": f"{product.title}-Enterprise-{facts.target}.tar.gz",
        "root": f"{product.title}-Enterprise-Offline",
        "installer": INSTALLER,
        "sums": SUMS,
        "signatures": ", ".join(f"`{SUMS}.{keyid}.sig`" for keyid in facts.keyids) or f"`{SUMS}.*.sig`",
        "own": OWN,
        "prefix": "PREFIX",
        "commands": _rows(
            (f"`PREFIX/bin/{launcher.name}`", f"`{launcher.target}`", launcher.cwd)
            for launcher in application.launchers
            if launcher.is_command
        ),
        "required": _listed(environment.required),
        "known": _listed(others),
        "defaults": _listed(f"{name}={value}" for name, value in environment.defaults.items()),
        "set": _rows((f"`{name}`", f"`{value}`") for name, value in environment.values.items()),
        "persist": _listed(f"PREFIX/data/{folder}" for folder in application.persist),
        "models": _rows(
            (
                f"`{model.name}`",
                f"`{model.repository}`",
                f"`{model.revision}`",
                human_bytes(sum(file.size for file in model.files)),
                f"`{MODELS}/{model.name}`",
            )
            for model in facts.models
        ),
    }


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


def _rows(rows: Iterator[tuple[str, ...]]) -> str:
    """Return the rows of a table, or one row of ``-`` if there are none."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) or "| - |"
