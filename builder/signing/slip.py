"""The trust slip: fingerprints and digests that the operator receives out of band, as text and as a printable page.

It is in both languages whatever the builder's locale is, because its readers are not known in advance.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import segno

from bundle.advisories.snapshot import NAME as SNAPSHOT_NAME
from bundle.digest import read_sums
from bundle.manifest import KINDS
from bundle.names import INSTALLER
from bundle.product.commands import TOOL
from bundle.reading.delta import BASE
from bundle.signing.policy import RELEASE, RELEASE_NAMESPACE
from shared.files import files
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.signing.release import Release
    from bundle.advisories.snapshot import Snapshot
    from bundle.signing.signature import PublicKey

FILES = Path(__file__).parent.parent / "slip_files"
TEXT, PAGE, SNAPSHOT = "TRUST-SLIP.txt", "TRUST-SLIP.html", "SNAPSHOT-SLIP.txt"
ADVISORIES = f"{KINDS['verification']}/advisories/{SNAPSHOT_NAME}"  # in the manifest
_LIVE = re.compile(r"^  ([0-9]{1,9}) live · ", re.MULTILINE)
_CHECK = f"ssh-keygen -Y check-novalidate -n {RELEASE_NAMESPACE} -s"
# placeholder of the templates → the commands to run in the bundle folder
COMMANDS = {
    "check_linux": (f'for s in SHA256SUMS.*.sig; do {_CHECK} "$s" < SHA256SUMS; done', "sha256sum -c SHA256SUMS"),
    "check_macos": (
        f'for s in SHA256SUMS.*.sig; do {_CHECK} "$s" < SHA256SUMS; done',
        "shasum -a 256 -c SHA256SUMS",
    ),
    "check_windows": (
        f"for %s in (SHA256SUMS.*.sig) do {_CHECK} %s < SHA256SUMS",
        "for %f in (*.pyz *.tar.gz *.tar.gz.* MANIFEST.json) do certutil -hashfile %f SHA256",
        "type SHA256SUMS",
    ),
    "check_elsewhere": (
        "python3 -c \"import hashlib; print(hashlib.sha256(open('ragtrace-install.pyz', 'rb').read()).hexdigest())\"",
    ),
}


_WRAPPERS = """
install.py, install.sh and install.bat ask for the first row of the SHA-256 before they run anything.
install.py, install.sh, install.bat는 SHA-256의 첫 줄을 입력해야 실행됩니다.
"""


def commands() -> dict[str, str]:
    """Return the check commands by their placeholders in templates, one per line."""
    return {name: "\n".join(lines) for name, lines in COMMANDS.items()}


def groups(digest: str) -> list[str]:
    """Return a SHA-256 digest in four rows, each of four groups of four hexadecimal digits."""
    rows = [digest[start : start + 16] for start in range(0, 64, 16)]
    return [" ".join(row[start : start + 4] for start in range(0, 16, 4)) for row in rows]


def grouped(key: PublicKey) -> str:
    """Return a key's fingerprint in groups of four characters, for printing."""
    method, _colon, text = key.fingerprint.partition(":")
    return f"{method}: " + " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def folder_of(release: Release) -> Path:
    """Return the folder of the slip: next to the bundle folder, never inside it."""
    return release.folder.with_name(f"{release.folder.name}.slip")


def write_slip(release: Release) -> Path:
    """Write the slip as text and as a page, replacing existing ones, and return the text's path."""
    folder = folder_of(release)
    folder.mkdir(exist_ok=True)
    if release.advisories is None:
        release = replace(release, advisories=_counted(release, folder / TEXT))
    files.write_atomic(folder / PAGE, page(release).encode())
    files.write_atomic(folder / TEXT, text(release).encode())
    return folder / TEXT


def _counted(release: Release, path: Path) -> int | None:
    """Return the number of advisories that an earlier slip of the same snapshot states, or None."""
    entry = release.manifest.entry(ADVISORIES)
    earlier = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = _LIVE.search(earlier)
    same = entry is not None and all(row in earlier for row in groups(entry.sha256))
    return int(found[1]) if found and same else None


def text(release: Release) -> str:
    """Return the slip as plain text."""
    facts = {**_facts(release), **_steps(release)}
    facts["wrappers"] = _WRAPPERS if _has_installer(release) else ""
    facts["install"] = f"  {facts['install']}"
    facts["signers"] = "\n".join(f"  {line}" for line in signer_lines(release))
    facts["digest"] = "\n".join(f"  {row}" for row in groups(release.zipapp_sha256))
    facts["advisories"] = "\n".join(f"  {row}" for row in advisory_lines(release))
    for name, typed in _checks(release).items():
        facts[name] = "\n".join(f"  {line}" for line in typed.split("\n"))
    return Template((FILES / TEXT).read_text(encoding="utf-8")).substitute(facts)


def page(release: Release) -> str:
    """Return the slip as a self-contained HTML page."""
    facts = {
        **_facts(release),
        **_steps(release),
        "signers": "\n".join(signer_lines(release)),
        "digest": "\n".join(groups(release.zipapp_sha256)),
        "advisories": "\n".join(advisory_lines(release)),
        **_checks(release),
    }
    escaped = {name: html.escape(value) for name, value in facts.items()}
    code = qr_code(release.zipapp_sha256)
    return Template((FILES / PAGE).read_text(encoding="utf-8")).substitute(escaped, qr=code)


def qr_code(digest: str) -> str:
    """Return a digest as a QR code in SVG; a scanner types the 64 digits that a command prints."""
    # level M repairs 15 %, enough for a folded sheet; the quiet zone of four modules is required (ISO/IEC 18004)
    return segno.make(digest, error="m", micro=False).svg_inline(border=4, omitsize=True)


def _has_installer(release: Release) -> bool:
    """Return whether the folder contains the installer, which a delta bundle omits if the host has the same."""
    return INSTALLER in read_sums(release.sums, "SHA256SUMS")


def _checks(release: Release) -> dict[str, str]:
    """Return the check commands; without an installer in the folder, it is the installed tool that checks the rest."""
    instead = {} if _has_installer(release) else {"check_elsewhere": f"PREFIX/bin/{TOOL} verify ."}
    return {**commands(), **instead}


def _steps(release: Release) -> dict[str, str]:
    """Return the sentences that depend on whether the folder contains the installer, and the command to install."""
    is_delta = BASE in read_sums(release.sums, "SHA256SUMS")
    install = f"PREFIX/bin/{TOOL} upgrade ." if is_delta else f"python3 {INSTALLER} install"
    if _has_installer(release):
        return {
            "note": "",
            "note_ko": "",
            "elsewhere": "Elsewhere, compare all 64 digits with the SHA-256 above.",
            "elsewhere_ko": "그 밖의 시스템에서는 64자리 전체를 위의 SHA-256과 비교하십시오.",
            "install": install,
        }
    return {
        "note": " (not in this delta bundle: the host has it)",
        "note_ko": "(이 델타 번들에는 없으며, 호스트에 이미 있음)",
        "elsewhere": "Elsewhere, the installed tool checks the signatures and every file.",
        "elsewhere_ko": "그 밖의 시스템에서는 설치된 도구가 서명과 모든 파일을 검증합니다.",
        "install": install,
    }


def advisory_lines(release: Release) -> Iterator[str]:
    """Yield the number of live advisories in the bundle, if it is known, and the digest of their snapshot."""
    entry = release.manifest.entry(ADVISORIES)
    if entry is None:
        yield "none · 없음"
        return
    if release.advisories is not None:
        yield f"{release.advisories} live · 유효 {release.advisories}건"
    yield from groups(entry.sha256)


def snapshot_text(snapshot: Snapshot, signers: Sequence[PublicKey]) -> str:
    """Return the slip of a snapshot that is transferred by itself."""
    header = snapshot.header
    facts = {
        "sequence": str(header.sequence),
        "known_until": f"{header.known_until:%Y-%m-%d}",
        "live": str(header.counts["live"]),
        "signers": "\n".join(f"  {grouped(key)}" for key in signers) or "  -",
        "digest": "\n".join(f"  {row}" for row in groups(snapshot.sha256)),
    }
    return Template((FILES / SNAPSHOT).read_text(encoding="utf-8")).substitute(facts)


def signer_lines(release: Release) -> Iterator[str]:
    """Yield a line for each pinned key and each signer, stating whether it has signed."""
    pinned = [signer.key for signer in release.pinned.of_role(RELEASE)] if release.pinned else []
    for key in [*pinned, *(key for key in release.signers if key not in pinned)]:
        signed = "signed · 서명함" if key in release.signers else "has not signed yet · 아직 서명하지 않음"
        yield f"{grouped(key)}  ({signed})"


def _facts(release: Release) -> dict[str, str]:
    product, target = release.manifest.product, release.manifest.target
    role = release.pinned.roles[RELEASE] if release.pinned else None
    return {
        "title": product.title,
        "version": product.version,
        "counter": str(product.counter),
        "target": f"{target}, Python {target.python}",
        "created": release.manifest.created,
        "folder": sentence(release.folder.name),
        "threshold": str(role.threshold if role else len(release.signers)),
        "count": str(len(role.keyids) if role else len(release.signers)),
    }
