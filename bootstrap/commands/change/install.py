"""``install``: verify a bundle and make it the active release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common
from installer.layout.location import own_command
from installer.layout.prefix import Prefix
from installer.release import lacks
from installer.release.installation import Installation
from installer.release.launchers import file_name
from shared.errors import RagtraceError
from shared.i18n import _, plural
from shared.terminal.commandline import DONE
from shared.terminal.console import arrow, show, show_json

if TYPE_CHECKING:
    import argparse

    from bundle.opening import Bundle
    from installer.change.outcome import Outcome
    from installer.install.preflight import HostResult
    from installer.release.lacks import Lacks


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    common.add_bundle(parser)
    common.add_asset(parser)
    common.add_wait(parser)
    common.add_time(parser)
    parser.add_argument(
        "--reinstall",
        action="store_true",
        help=_("build the release again even if it is installed and intact; settings and data stay"),
    )
    parser.add_argument("--dry-run", action="store_true", help=_("show what would be done, without writing anything"))


def run(arguments: argparse.Namespace) -> int:
    """Open the bundle, install it and print the next steps."""
    bundle = api.open_bundle(arguments.bundle, trusted_keys=arguments.trust_key)
    if arguments.dry_run:
        return show_plan(bundle, arguments)
    return carry_out(bundle, arguments)


def carry_out(bundle: Bundle, arguments: argparse.Namespace) -> int:
    """Install an opened bundle and print the next steps."""
    progress = common.progress_of(arguments)
    common.start_log(api.prefix_for(bundle, arguments.prefix), "install")
    for line in common.signer_lines(bundle.signers):
        progress.step(line)
    outcome = api.install(
        bundle,
        arguments.prefix,
        progress=progress,
        wait=arguments.wait,
        conditions=common.conditions_of(arguments),
        asset=arguments.asset,
        reinstall=arguments.reinstall,
    )
    prefix = Prefix(outcome.prefix)
    lacking = lacks.find(Installation(prefix, prefix.release(outcome.active), bundle.manifest))
    if arguments.json:
        show_json(common.outcome_json(outcome, lacking))
    else:
        show_installed(bundle, outcome, lacking)
    return DONE


def show_plan(bundle: Bundle, arguments: argparse.Namespace) -> int:
    """Print the findings about this host and the effect of an installation; return 4 if the host is unsuitable."""
    findings = api.plan(bundle, arguments.prefix, conditions=common.conditions_of(arguments))
    effect = api.effect_of(bundle, arguments.prefix, reinstall=arguments.reinstall)
    unfit = sum(not finding.fits for finding in findings)
    fits = not unfit or effect.already
    prefix = api.prefix_for(bundle, arguments.prefix)
    release = prefix.coming(bundle)
    lacking = lacks.find(Installation(prefix, release, bundle.manifest))
    if arguments.json:
        plan = {
            "prefix": str(prefix.root),
            "fits": fits,
            "findings": [finding.to_json() for finding in findings],
            "already": effect.already,
            "damaged": effect.damaged,
            "removes": [gone.to_json() for gone in effect.going],
            **lacking.to_json(),
        }
        show_json(plan)
        return DONE if fits else 4
    show_bundle(bundle, prefix)
    if effect.already:
        show_already(bundle)
        show(_("Nothing was written, and there is nothing to do."))
        return DONE
    for finding in findings:
        show(finding_line(finding))
    for line in effect.lines():
        show(line)
    common.show_lacking(lacking)
    common.show_readiness(unfit)
    return DONE if fits else 4


def show_bundle(bundle: Bundle, prefix: Prefix) -> None:
    """Print the signers of a bundle, its contents and the target prefix."""
    for line in common.signer_lines(bundle.signers):
        show(line)
    product, count = bundle.manifest.product, len(bundle.manifest.packages)
    text = plural(
        "{title} {version}, {count} package, into {prefix}", "{title} {version}, {count} packages, into {prefix}", count
    )
    show(text.format(title=product.title, version=product.version, count=count, prefix=prefix.root))


def finding_line(finding: HostResult) -> str:
    """Return a finding of the plan as one line."""
    mark = _("ok") if finding.fits else _("NO")
    if finding.fits and finding.warns:
        mark = "!"
    advice = f" {finding.advice}" if finding.advice and (finding.warns or not finding.fits) else ""
    return f"  {mark:<3} {finding.name}: {finding.details}.{advice}"


def show_already(bundle: Bundle) -> None:
    """Print that a bundle is installed, and the option that installs it nevertheless."""
    product = bundle.manifest.product
    show(
        _("{title} {version} is already installed and matches the bundle.").format(
            title=product.title, version=product.version
        )
    )
    show(_("With --reinstall, install builds it again from the bundle and activates that; settings and data stay."))


def version_of(prefix: Prefix, release: str | None) -> str:
    """Return the version of a release of a prefix, or "" if it is not known."""
    try:
        return prefix.release(release).manifest().product.version if release else ""
    except (RagtraceError, OSError):
        return ""


def show_installed(bundle: Bundle, outcome: Outcome, lacking: Lacks) -> None:
    """Print the installed paths, and the commands to start and validate the application."""
    product, former = bundle.manifest.product, Prefix(outcome.prefix).release(outcome.former or outcome.active)
    facts = {"title": product.title, "version": product.version}
    if outcome.already:
        show_already(bundle)
    elif not former.is_of(bundle):
        before = version_of(Prefix(outcome.prefix), former.id)
        if before == product.version:  # of two builds of a version the counters differ
            before, facts["version"] = f"{before} ({former.counter})", f"{before} ({product.counter})"
        undo = own_command.line_after(outcome.tool, "rollback")
        text = _("Upgraded {former} {arrow} {version}; undo with: {command}")
        show(text.format(former=before or former.id, arrow=arrow(), command=undo, **facts))
    elif outcome.former:
        show(_("Reinstalled {title} {version}.").format(**facts))
    else:
        show(_("Installed {title} {version}.").format(**facts))
    common.show_outcome(outcome)
    for launcher in bundle.manifest.application.commands:
        show(_("Command:        {path}").format(path=outcome.prefix / "bin" / file_name(launcher)))
    common.show_lacking(lacking)
    show(_("Next: {command}").format(command=own_command.line_after(outcome.tool, "validate")))
