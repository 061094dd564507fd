"""``install``: verify a bundle and make it the active release."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bootstrap import api, models_apart, own_command, settings
from bootstrap.commandline import DONE
from bootstrap.commands import common
from bootstrap.console import show, show_json
from bootstrap.i18n import _
from bootstrap.launchers import file_name
from bootstrap.prefix import Prefix

if TYPE_CHECKING:
    import argparse

    from bootstrap.bundle.manifest import Manifest
    from bootstrap.bundle.opening import Bundle
    from bootstrap.install import Outcome
    from bootstrap.preflight import Finding


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    common.add_bundle(parser)
    common.add_wait(parser)
    common.add_time(parser)
    parser.add_argument("--dry-run", action="store_true", help=_("show what would be done, and write nothing"))


def run(arguments: argparse.Namespace) -> int:
    """Open the bundle, install it, tell what to do next."""
    bundle = api.open_bundle(arguments.bundle, trusted_keys=arguments.trust_key)
    if arguments.dry_run:
        return show_plan(bundle, arguments)
    progress = common.progress_of(arguments)
    common.start_log(api.prefix_for(bundle, arguments.prefix), "install")
    for line in common.signer_lines(bundle.signers):
        progress.step(line)
    outcome = api.install(
        bundle, arguments.prefix, progress=progress, wait=arguments.wait, conditions=common.conditions_of(arguments)
    )
    if arguments.json:
        show_json(common.outcome_json(outcome))
    else:
        show_installed(bundle, outcome)
    return DONE


def show_plan(bundle: Bundle, arguments: argparse.Namespace) -> int:
    """Tell what the host is like and what an installation would do; exit 4 when it does not fit."""
    findings = api.plan(bundle, arguments.prefix, conditions=common.conditions_of(arguments))
    effect = api.effect_of(bundle, arguments.prefix)
    fits = all(finding.fits for finding in findings) or effect.already
    product = bundle.manifest.product
    if arguments.json:
        plan = {
            "prefix": str(api.prefix_for(bundle, arguments.prefix).root),
            "fits": fits,
            "findings": [vars(finding) for finding in findings],
            "already": effect.already,
            "damaged": effect.damaged,
            "removes": [gone.to_json() for gone in effect.going],
        }
        show_json(plan)
        return DONE if fits else 4
    for line in common.signer_lines(bundle.signers):
        show(line)
    show(
        _("{title} {version}, {count} packages, into {prefix}").format(
            title=product.title,
            version=product.version,
            count=len(bundle.manifest.packages),
            prefix=api.prefix_for(bundle, arguments.prefix).root,
        )
    )
    if effect.already:
        show(
            _("{title} {version} is already installed and matches.").format(
                title=product.title, version=product.version
            )
        )
        show(_("Nothing was written, and there is nothing to do."))
        return DONE
    for finding in findings:
        show(finding_line(finding))
    for line in effect.lines():
        show(line)
    if fits:
        show(_("Nothing was written. To install, run the command again without --dry-run."))
    else:
        show(_("Nothing was written. The bundle cannot be installed on this host as it is."))
    return DONE if fits else 4


def finding_line(finding: Finding) -> str:
    """Return one line of the plan."""
    mark = _("ok") if finding.fits else _("NO")
    if finding.fits and finding.warns:
        mark = "!"
    advice = f" {finding.advice}" if finding.advice and (finding.warns or not finding.fits) else ""
    return f"  {mark:<3} {finding.name}: {finding.details}.{advice}"


def show_settings(prefix: Prefix, manifest: Manifest) -> None:
    """Tell where settings go, and which are still to be made before the application can start."""
    release = prefix.active()
    if release is None or not prefix.env_file.exists():
        return
    show(_("Settings:       {path}").format(path=prefix.env_file))
    with contextlib.suppress(OSError, ValueError):  # validate tells what is wrong with the file
        missing = settings.survey(prefix, release, manifest).missing
        if missing:
            text = _("Still missing:  {names}; write NAME=value for each into that file")
            show(text.format(names=", ".join(missing)))


def show_installed(bundle: Bundle, outcome: Outcome) -> None:
    """Tell where things are, and how to start, configure and check them."""
    if outcome.already:
        product = bundle.manifest.product
        show(
            _("{title} {version} is already installed and matches.").format(
                title=product.title, version=product.version
            )
        )
    common.show_outcome(outcome)
    for launcher in bundle.manifest.application.commands:
        show(_("Command:        {path}").format(path=outcome.prefix / "bin" / file_name(launcher)))
    show_settings(Prefix(outcome.prefix), bundle.manifest)
    for model in models_apart.missing(Prefix(outcome.prefix), bundle.manifest):
        advice = models_apart.what_to_bring(Prefix(outcome.prefix), model)
        show(_("Not here yet:   model {name}. {advice}").format(name=model.name, advice=advice))
    show(_("Next: {command}").format(command=own_command.line_after(outcome.tool, "validate")))
