"""What a bundle brings so that a host can look for known vulnerabilities, any day, with no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from builder import tools_environment
from builder.advisories.gate import run_gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.bundle.manifest import Package, Product
    from bootstrap.bundle.policy import Policy
    from bootstrap.bundle.target import Target
    from bootstrap.console import Progress
    from builder.assemble import Member
    from builder.build import Request


@dataclass(frozen=True)
class Verification:
    """What a bundle brings so that a host can look for known vulnerabilities: nothing without advisories."""

    members: tuple[Member, ...] = ()
    installed_bytes: int = 0
    installed_files: int = 0


def verify_packages(
    request: Request,
    target: Target,
    product: Product,
    packages: Sequence[Package],
    policy: Policy,
    epoch: int,
    progress: Progress,
) -> Verification:
    """Return advisories, the gate's report and the scanners for the bundle; without advisories say what is missing."""
    if request.advisories is None:
        progress.warn(
            _(
                "No advisories were named (--advisories FILE): nobody looked for known vulnerabilities, and the hosts "
                "will not be able to."
            )
        )
        return Verification()
    python = tools_environment.own_python(request.cache, progress, offline=request.offline)
    passed = run_gate(request.advisories, packages, product, policy, python, epoch, progress)
    tools = tools_environment.tools_of(target, request.cache, progress, offline=request.offline)
    return Verification((*passed.members, *tools.members), tools.installed_bytes, tools.installed_files)
