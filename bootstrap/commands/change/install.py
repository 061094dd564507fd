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
from shared.i18n import _, plural
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_json

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
    parser.add_argument("--dry-run", action="store_true", help=_("show what would be done, without writing anything"))


def run(arguments: argparse.Namespace) -> int:
    """Open the bundle, install it and print the next steps."""
    bundle = api.open_bundle(arguments.bundle, trusted_keys=arguments.trust_key)
    if arguments.dry_run:
        return show_plan(bundle, arguments)
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
    effect = api.effect_of(bundle, arguments.prefix)
    fits = all(finding.fits for finding in findings) or effect.already
    product, prefix = bundle.manifest.product, api.prefix_for(bundle, arguments.prefix)
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
        show(
            _("{title} {version} is already installed and matches the bundle.").format(
                title=product.title, version=product.version
            )
        )
        show(_("Nothing was written, and there is nothing to do."))
        return DONE
    for finding in findings:
        show(finding_line(finding))
    for line in effect.lines():
        show(line)
    common.show_lacking(lacking)
    if fits:
        show(_("Nothing was written. To install, run the command again without --dry-run."))
    else:
        show(_("Nothing was written. The bundle cannot be installed on this host in its current state."))
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


def show_installed(bundle: Bundle, outcome: Outcome, lacking: Lacks) -> None:
    """Print the installed paths, and the commands to start and validate the application."""
    if outcome.already:
        product = bundle.manifest.product
        show(
            _("{title} {version} is already installed and matches the bundle.").format(
                title=product.title, version=product.version
            )
        )
    common.show_outcome(outcome)
    for launcher in bundle.manifest.application.commands:
        show(_("Command:        {path}").format(path=outcome.prefix / "bin" / file_name(launcher)))
    common.show_lacking(lacking)
    show(_("Next: {command}").format(command=own_command.line_after(outcome.tool, "validate")))
