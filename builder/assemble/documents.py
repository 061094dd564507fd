"""The small files of a bundle: scripts, host requirements and the operating guides, with this bundle's details."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from builder.assemble import guide
from builder.members import Member, member
from bundle.manifest import DOCUMENTATION, KINDS, PREREQUISITES, SCRIPTS, VERIFICATION

if TYPE_CHECKING:
    from builder.assemble.guide import Facts

FILES = Path(__file__).parent.parent / "bundle_files"
MONITORING = Path(__file__).parents[2] / "examples" / "monitoring"  # configurations for rsyslog, Prometheus and Grafana
# scripts that are also in the bundle's root folder, for users to run
IN_ROOT = ("create-enterprise-offline.py", "enterprise-validator.py", "recovery-assistant.py")
# name in the repository → (folder in the bundle, kind)
PLACES = {
    "install.py": (SCRIPTS, "script"),
    "install.sh": (SCRIPTS, "script"),
    "install.bat": (SCRIPTS, "script"),
    "create-enterprise-offline.py": (SCRIPTS, "script"),
    "enterprise-validator.py": (VERIFICATION, "verification"),
    "recovery-assistant.py": (VERIFICATION, "verification"),
    "README.md": (PREREQUISITES, "prerequisite"),
    "README.ko.md": (PREREQUISITES, "prerequisite"),
}


def members(facts: Facts) -> list[Member]:
    """Return the small files as members of the archive."""
    target = facts.target
    reported = {
        "target": str(target),
        "python_version": target.python,
        "python": facts.python,
        "glibc": ".".join(map(str, target.glibc)),
    }
    found = [member(f"{DOCUMENTATION}/{name}", "document", guide.page(name, facts).encode()) for name in guide.PAGES]
    for path in sorted(path for path in MONITORING.rglob("*") if path.is_file()):
        name = path.relative_to(MONITORING).as_posix()
        found.append(member(f"{DOCUMENTATION}/{MONITORING.name}/{name}", "document", path.read_bytes()))
    for name, (folder, kind) in PLACES.items():
        text = (FILES / name).read_text(encoding="utf-8")
        if kind == "prerequisite":
            text = Template(text).substitute(reported)
        if name.endswith(".bat"):
            text = text.replace("\n", "\r\n")
        found.append(member(f"{folder}/{name}", kind, text.encode()))
        if name in IN_ROOT:
            found.append(member(name, "root", text.encode()))
    found += [member(f"{KINDS['plugin']}/{file.name}", "plugin", file) for file in facts.profile.plugins]
    return found
