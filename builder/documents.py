"""The small files of a bundle: scripts, host requirements and the operator's guides, with this bundle's facts."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bootstrap.bundle.manifest import DOCUMENTATION, KINDS, PREREQUISITES, SCRIPTS
from builder import slip
from builder.assemble import Member, member

if TYPE_CHECKING:
    from bootstrap.bundle.manifest import Product
    from bootstrap.bundle.target import Target
    from builder.profile import Profile

FILES = Path(__file__).parent / "bundle_files"
# name in the repository → (folder in the bundle, kind)
PLACES = {
    "install.py": (SCRIPTS, "script"),
    "install.sh": (SCRIPTS, "script"),
    "install.bat": (SCRIPTS, "script"),
    "README.md": (PREREQUISITES, "prerequisite"),
    "README.ko.md": (PREREQUISITES, "prerequisite"),
    "INSTALL.md": (DOCUMENTATION, "document"),
    "INSTALL.ko.md": (DOCUMENTATION, "document"),
}


def members(product: Product, target: Target, profile: Profile) -> list[Member]:
    """Return them as members of the archive."""
    facts = {
        **slip.commands(),
        "title": product.title,
        "name": product.name,
        "version": product.version,
        "counter": str(product.counter),
        "target": str(target),
        "python_version": target.python,
        "python": "python" if target.platform == "windows" else "python3",
        "glibc": ".".join(map(str, target.glibc)),
        "archive": f"{product.title}-Enterprise-{target}.tar.gz",
        "commands": ", ".join(profile.application.commands) or "-",
        "settings": ", ".join(profile.application.environment.required) or "-",
    }
    found = []
    for name, (folder, kind) in PLACES.items():
        text = (FILES / name).read_text(encoding="utf-8")
        if kind != "script":
            text = Template(text).substitute(facts)
        if name.endswith(".bat"):
            text = text.replace("\n", "\r\n")
        found.append(member(f"{folder}/{name}", kind, text.encode()))
    found += [member(f"{KINDS['plugin']}/{file.name}", "plugin", file) for file in profile.plugins]
    return found
