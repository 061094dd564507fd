"""The small files of a bundle: scripts, host requirements and the operating guides, with this bundle's details.

And the files that explain the folder that travels, next to the archive.
"""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from builder.assemble import guide
from builder.members import Member, member
from bundle.manifest import DOCUMENTATION, KINDS, PREREQUISITES, SCRIPTS, VERIFICATION
from bundle.names import BESIDE, INSTALLER
from bundle.product.commands import TOOL as OWN

if TYPE_CHECKING:
    from builder.assemble.guide import Facts

FILES = Path(__file__).parent.parent / "bundle_files"
FOLDER_FILES = FILES.with_name("folder_files")
README, BATCH, SHELL = BESIDE
# platform → (how to start the script, in both languages; how to get the digest of the installer)
STARTS = {
    "windows": ("double-click install.bat.", "install.bat을 두 번 클릭합니다.", "certutil -hashfile {name} SHA256"),
    "macos": ("type in a terminal: sh install.sh", "터미널에 다음을 입력합니다: sh install.sh", "shasum -a 256 {name}"),
    "linux": ("type in a terminal: sh install.sh", "터미널에 다음을 입력합니다: sh install.sh", "sha256sum {name}"),
}
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


def beside(facts: Facts, *, starting: bool) -> dict[str, bytes]:
    """Return the files that explain the bundle folder, by name; without an installer there is nothing to start.

    The batch file is in code page 949: cmd reads such a file reliably, but not one in UTF-8.
    """
    source = "README.txt" if starting else "README-delta.txt"
    found = {README: b"\xef\xbb\xbf" + _filled(source, facts).replace("\n", "\r\n").encode()}
    if starting:
        found[BATCH] = _filled(BATCH, facts).replace("\n", "\r\n").encode("cp949")
        found[SHELL] = _filled(SHELL, facts).encode()
    return found


def _filled(name: str, facts: Facts) -> str:
    """Return a file for the folder with the bundle's details in place of ``@NAME@``."""
    text = (FOLDER_FILES / name).read_text(encoding="utf-8")
    target, windows = facts.target, facts.windows
    start, start_korean, check = STARTS[facts.system]
    values = {
        "TITLE": facts.product.title,
        "VERSION": facts.product.version,
        "TARGET": str(target),
        "PLATFORM": target.platform,
        "PYTHON": target.version,
        "PYTHON_COMMAND": facts.python,
        "RUN": start,
        "RUN_KO": start_korean,
        "CHECK": "    " + check.format(name=INSTALLER),
        "UPGRADE": f"{facts.installed(f'/bin/{OWN}', code=True)} upgrade .",
        "START": " and double-click install.bat there" if windows else "",
        "START_KO": "하고, 거기에서 install.bat을 두 번 클릭하십시오" if windows else "하십시오",
    }
    for placeholder, value in values.items():
        text = text.replace(f"@{placeholder}@", value)
    return text
