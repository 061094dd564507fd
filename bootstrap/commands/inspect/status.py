"""``status``: print the installed releases and which one is active."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from installer.release import receipt
from shared.errors import RagtraceError
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_json

if TYPE_CHECKING:
    import argparse

    from installer.layout.release import Release
    from installer.logs.usage import Usage


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing; this command has only the common options."""


def describe(release: Release) -> dict[str, Any]:
    """Return a release as JSON values; for a damaged one, its name and the reason."""
    try:
        manifest = release.manifest()
    except (RagtraceError, OSError) as error:
        return {"release": release.id, "error": str(error)}
    return {
        "release": release.id,
        "product": manifest.product.to_json(),
        "python": manifest.target.python,
        "packages": len(manifest.packages),
        "launchers": list(manifest.application.commands),
    }


def usage_of(release: Release) -> Usage | None:
    """Return the resources used to build a release, or None if its receipt is damaged or does not record them."""
    try:
        return receipt.read_receipt(release).usage
    except (RagtraceError, OSError):
        return None


def run(arguments: argparse.Namespace) -> int:
    """Print the complete releases and mark the active one."""
    status = api.status(arguments.prefix)
    active = status.active.id if status.active else None
    rows = [describe(release) for release in status.releases]
    usages = [usage_of(release) for release in status.releases]
    if arguments.json:
        releases = [{**row, "usage": usage.to_json() if usage else None} for row, usage in zip(rows, usages)]
        facts = {"prefix": str(status.prefix), "active": active, "releases": releases}
        show_json({**facts, "identity": status.identity.to_json(), "audit_head": api.audit_head(status.prefix)})
        return DONE
    show(_("Installed in: {path}").format(path=status.prefix))
    show(_("Host: {host}").format(host=status.identity.line()))
    for row, usage in zip(rows, usages):
        mark = "*" if row["release"] == active else " "
        version = row["product"]["version"] if "product" in row else row["error"]
        show(f" {mark} {row['release']}  {version}")
        if usage is not None:
            show(f"     {usage.line()}")
    show(_("Active: {release}").format(release=active) if active else _("No release is active."))
    common.show_audit_head(status.prefix)
    return DONE
