"""``trust``: print the keys that this host trusts, adopt new policies, or accept a rebuilt trust record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common, rehearsal
from bundle.signing.openssh import allowed_signers
from bundle.signing.policy import RELEASE
from installer.trust.authority import HOST
from shared.errors import UsageError
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import answer, can_ask, complain, show, show_json, show_lines
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from installer.trust.memory_admin import Account
    from installer.trust.state import State
    from shared.terminal.parser import Parser


SHOW, UPDATE, ACCEPT = "show", "update", "accept-memory"


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    with actions(parser) as action:
        shown = action(SHOW, _("show the policy in force"))
        shown.add_argument(
            "--allowed-signers", action="store_true", help=_("print the release signers for `ssh-keygen -Y verify`")
        )
        _add_update(action(UPDATE, _("apply new policies")))
        accepted = action(ACCEPT, _("accept a rebuilt trust record"))
        rehearsal.add_dry_run(accepted)
        accepted.add_argument("--yes", action="store_true", help=_("do not ask for confirmation"))


def _add_update(parser: Parser) -> None:
    parser.add_argument(
        "policies", nargs="+", type=Path, metavar=_("FILE"), help=_("policy-<N>.json files, or a folder of them")
    )
    parser.add_argument(
        "--trust-key",
        action="append",
        default=[],
        metavar=_("KEY"),
        help=_("a .pub file to verify the first policy with; may be repeated"),
    )
    parser.add_argument(
        "--only-prefix", action="store_true", help=_("tighten the policy of one installation, not of the whole host")
    )
    rehearsal.add_dry_run(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    return {SHOW: show_state, UPDATE: update, ACCEPT: accept}[arguments.action](arguments)


def update(arguments: argparse.Namespace) -> int:
    """Adopt new policies and print their numbers."""
    if arguments.dry_run:
        return rehearsal.rehearse(arguments, lambda: foresee_update(arguments))
    taken = api.update_trust(
        arguments.policies,
        arguments.prefix,
        only_prefix=arguments.only_prefix,
        trusted_keys=arguments.trust_key,
    )
    numbers = [signed.policy.number for signed in taken]
    untrusted = api.why_untrusted(arguments.prefix)
    if arguments.json:
        show_json({"taken": numbers, "untrusted": untrusted})
    elif numbers:
        for number in numbers:
            show(_("Adopted policy {number}.").format(number=number))
        show(_("Policy {number} is now in force.").format(number=numbers[-1]))
    else:
        show(_("Already up to date: no newer policy was specified."))
    common.warn_untrusted(untrusted)
    return DONE


def foresee_update(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the policies that an update would adopt."""
    options = {"only_prefix": arguments.only_prefix, "trusted_keys": arguments.trust_key}
    planned = api.update_trust(arguments.policies, arguments.prefix, dry_run=True, **options)
    for signed in planned:
        yield _("Would adopt policy {number}.").format(number=signed.policy.number)
    if not planned:
        yield _("Would change nothing: no newer policy was specified.")


def accept(arguments: argparse.Namespace) -> int:
    """Print the rebuilt trust record, ask for confirmation and accept it."""
    found = api.memory_accounts(arguments.prefix)
    if arguments.dry_run:
        return rehearsal.rehearse(arguments, lambda: (line for account in found for line in account_lines(account)))
    if not arguments.json:
        for account in found:
            for line in account_lines(account):
                show(line)
    if not arguments.yes:
        require_yes()
    accepted, head = api.accept_memory(arguments.prefix)
    counters = dict(accepted.products)
    if arguments.json:
        facts = {"policy": accepted.policy, "counters": counters}
        show_json({"accepted": facts, "were": [account.to_json() for account in found], "audit_head": head or None})
        return DONE
    show(_("Accepted: policy {number}.").format(number=accepted.policy))
    for line in counter_lines(counters):
        show(line)
    if head:
        show(_("Audit log head: {head}").format(head=head))
    return DONE


def account_lines(account: Account) -> Iterator[str]:
    """Yield the record of one folder as human-readable lines, if it is damaged or rebuilt."""
    stored = account.stored.memory
    if account.problems or stored.rebuilt:
        yield _("Recorded in {path}: policy {number}").format(path=account.folder, number=stored.policy)
        yield from (f"  {problem}" for problem in account.problems)
        yield from (f"  {name}: {counter}" for name, counter in stored.products.items())


def require_yes() -> None:
    """Raise UsageError unless the user confirms at a terminal."""
    if not can_ask():
        raise UsageError(
            _("No terminal is available to confirm this trust record."), advice=_("Add --yes to accept it.")
        )
    complain(_("Records of anything newer are discarded, so older releases could be installed again. Type yes:"))
    if answer() not in ("yes", _("yes")):
        raise UsageError(_("Nothing was changed."), advice=_("Type yes, or add --yes, to accept it."))


def show_state(arguments: argparse.Namespace) -> int:
    """Print the policy in force."""
    state = api.trust_state(arguments.prefix)
    if arguments.allowed_signers:
        show_lines(allowed_signers(state.authority.policy, RELEASE).rstrip("\n") if state.authority else "")
    elif arguments.json:
        show_json(state.to_json())
    else:
        for line in lines(state):
            show(line)
    return DONE


def lines(state: State) -> Iterator[str]:
    """Yield the state of trust as human-readable lines."""
    facts = state.to_json()
    if state.authority is None:
        yield _("No key is trusted on this host, so no bundle is accepted.")
    elif state.authority.source == HOST:
        yield _("Policy {number} of this host, in {path}:").format(
            number=state.authority.policy.number, path=state.trust_stores.host
        )
    else:
        yield _("Keys embedded in this installer; the host has no policy of its own in {path}:").format(
            path=state.trust_stores.host
        )
    if facts["policy"]:
        yield from policy_lines(facts["policy"])
    if facts["prefix_policy"]:
        yield _("Policy {number} of this installation must also be satisfied:").format(
            number=facts["prefix_policy"]["number"]
        )
        yield from policy_lines(facts["prefix_policy"])
    yield from counter_lines(state.counters)


def counter_lines(counters: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each product's release counter, and for each sequence number of its signed files."""
    for name, counter in counters.items():
        product, _slash, kind = name.partition("/")
        if len(kind.split("/")) > 1:  # the digest of a file that this host stores (installer/trust/knowledge.py)
            what, sha256 = kind.split("/")[1:]
            if what == "snapshot":
                text = _("{product}: the newest accepted advisories have the SHA-256 {digest}")
                yield text.format(product=product, digest=sha256)
        elif kind:
            text = _("{product}: files for {kind} with sequence numbers below {counter} are not accepted")
            yield text.format(product=product, kind=kind, counter=counter)
        else:
            yield _("{name}: release counters below {counter} are not accepted").format(name=name, counter=counter)


def policy_lines(policy: dict[str, Any]) -> Iterator[str]:
    """Yield the roles of a policy, each with its keys."""
    keys = {key["keyid"]: key for key in policy["keys"]}
    for name, role in policy["roles"].items():
        yield "  " + _("{role}: {threshold} of {count} must sign").format(
            role=name, threshold=role["threshold"], count=len(role["keys"])
        )
        for keyid in role["keys"]:
            key = keys[keyid]
            until = _(", until {time}").format(time=key["until"]) if key["until"] else ""
            yield f"    {key['fingerprint']}  {key['name']}{until}"
