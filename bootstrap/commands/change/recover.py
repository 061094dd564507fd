"""``recover``: inspect an installation, print the plan, repair it, run the four checks of installed files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from installer.logs.runlog import RUN
from shared.errors import UsageError
from shared.i18n import _
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import answer, can_ask, complain, show, show_json

if TYPE_CHECKING:
    import argparse

    from recovery.planning.plan import Plan
    from recovery.recover import Recovery
    from validator.check import CheckResult

USAGE = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "diagnosis", nargs="?", type=Path, metavar=_("DIAGNOSIS"), help=_("a diagnosis written by `validate --output`")
    )
    parser.add_argument("--diagnosis", dest="named", type=Path, metavar=_("FILE"), help=_("same as DIAGNOSIS"))
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar=_("FOLDER"),
        help=_("the bundle to repair from (default: the one next to this tool)"),
    )
    common.add_trust_key(parser)
    parser.add_argument(
        "--allow-unlocked",
        action="store_true",
        help=_(
            "allow lost files to be replaced by other versions retained on this host; no signature covers "
            "the resulting combination"
        ),
    )
    parser.add_argument("--yes", action="store_true", help=_("execute the plan without asking"))
    parser.add_argument("--dry-run", action="store_true", help=_("show what would be done, without writing anything"))
    common.add_wait(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan the repair, ask for confirmation, execute it, and check the installed files."""
    if arguments.diagnosis and arguments.named:
        raise UsageError(_("Two diagnoses specified."), advice=_("Specify one file."))
    given = {
        "diagnosis": arguments.diagnosis or arguments.named,
        "bundle": arguments.bundle,
        "trusted_keys": arguments.trust_key,
        "allow_unlocked": arguments.allow_unlocked,
    }
    if arguments.dry_run:
        plan = api.plan_recovery(arguments.prefix, **given)
        if arguments.json:
            show_json({"plan": plan.to_json(), "applied": False})
        else:
            show_plan(plan)
            if plan.findings:
                common.show_readiness(int(bool(plan.unmet)))
            else:
                show(_("Ready."))
        return DONE
    progress = common.progress_of(arguments)
    asker = Asker(yes=arguments.yes, as_json=arguments.json)
    done = api.recover(arguments.prefix, asker.confirm, progress=progress, wait=arguments.wait, **given)
    results = api.check_repaired(arguments.prefix, digests=done.digests, progress=progress) if done.applied else []
    if arguments.json:
        show_json(recovery_json(done, results))
    else:
        show_recovery(done, results, asker)
    return exit_code(done, results, asker)


class Asker:
    """Prints a plan and, without --yes, asks for confirmation; declines if there is no terminal to prompt on."""

    def __init__(self, *, yes: bool, as_json: bool) -> None:
        self.yes, self.as_json = yes, as_json
        self.could_ask = True

    def confirm(self, plan: Plan) -> bool:
        """Return whether to execute the plan."""
        if not self.as_json:
            show_plan(plan)
        if self.yes:
            return True
        self.could_ask = can_ask() and not self.as_json
        if not self.could_ask:
            return False
        complain(_("Execute this plan? Type yes:"))
        return answer() in ("y", "yes", _("yes"))


def show_plan(plan: Plan) -> None:
    """Print the damage that was found and the planned repairs."""
    for line in plan.lines():
        show(line)
    if not plan.findings:
        show(_("Nothing to repair."))


def show_recovery(done: Recovery, results: list[CheckResult], asker: Asker) -> None:
    """Print the outcome of the repair."""
    if not done.plan.remedies:
        show_plan(done.plan)
    elif not done.applied:
        complain(_("Nothing was changed."))
        if not asker.could_ask:
            complain(_("  next: {advice}").format(advice=_("Add --yes to execute the plan.")))
    else:
        for result in results:
            show(f"{result.status:<5} {result.check_name}: {result.details}")
        if done.plan.leaves_damage:
            show(_("Partially repaired. These stay damaged until you supply the bundle:"))
            for line in (line for left in done.plan.left for line in left.lines()):
                show(f"  {line}")
            show(f"  {done.plan.unmet}")
            show(_("  next: {advice}").format(advice=_("Then run `recover --bundle FOLDER`.")))
        show(_("Active release: {release}").format(release=done.active or "-"))
        common.show_collected(done.collected)
        show(_("Backup:         {path}").format(path=done.backup))
        show(_("Audit log head: {head}").format(head=done.audit_head))


def recovery_json(done: Recovery, results: list[CheckResult]) -> dict[str, Any]:
    """Return a recovery as JSON values."""
    return {
        "plan": done.plan.to_json(),
        "applied": done.applied,
        "active": done.active,
        "former": done.former,
        "backup": str(done.backup) if done.backup else None,
        "audit_head": done.audit_head or None,
        "run": RUN,
        "results": [result.to_json() for result in results],
        "removed": [gone.to_json() for gone in done.collected.gone],
        "in_use": [gone.to_json() for gone in done.collected.in_use],
    }


def exit_code(done: Recovery, results: list[CheckResult], asker: Asker) -> int:
    """Return 0 if nothing is left to repair, 1 if something is, 2 if no user could be prompted for confirmation."""
    if not done.applied:
        if not done.plan.remedies:
            return DONE
        return CHECKS_FAILED if asker.could_ask else USAGE
    left = [result for result in results if result.status in ("FAIL", "ERROR")]
    return CHECKS_FAILED if left or done.plan.unmet or done.plan.restore else DONE
