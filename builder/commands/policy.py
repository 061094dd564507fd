"""``policy``: create, sign or show the numbered trust policies of hosts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.signing import policy as policies
from builder.signing.sign import read_public_key
from builder.signing.user_keys import signer_of
from bundle.signing.policy import Policy, parse_policy
from bundle.signing.signature import KEY_LIMIT
from bundle.signing.small_files import read_small
from bundle.strict import time_from_json
from shared.errors import TrustError, UsageError
from shared.i18n import _
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show, show_json

if TYPE_CHECKING:
    import argparse

    from bundle.signing.signature import PublicKey


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the three actions."""
    table = parser.add_subparsers(dest="action", metavar=_("ACTION"), required=True)
    _add_new(table.add_parser("new", help=_("create the next policy of a chain")))
    sign = table.add_parser("sign", help=_("sign a policy"))
    sign.add_argument("file", type=Path, metavar=_("FILE"), help=_("a policy-<N>.json"))
    sign.add_argument("--sign-key", type=Path, required=True, metavar=_("KEY"), help=_("a signing key"))
    sign.set_defaults(run=run_sign)
    shown = table.add_parser("show", help=_("show policies and who signed them"))
    shown.add_argument(
        "file", type=Path, metavar=_("FILE"), help=_("a policy-<N>.json, or a folder with a chain of policies")
    )
    shown.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    shown.set_defaults(run=run_show)


def _add_new(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, metavar=_("FOLDER"), help=_("the folder for policy-<N>.json"))
    add("--former", type=Path, metavar=_("FILE"), help=_("the previous policy (default: this is the first)"))
    add(
        "--add",
        action="append",
        default=[],
        metavar="ROLE=KEY.pub",
        help=_("allow a key to sign for a role; may be repeated"),
    )
    add("--remove", action="append", default=[], metavar="KEY.pub|KEYID", help=_("revoke a key; may be repeated"))
    add(
        "--threshold",
        action="append",
        default=[],
        metavar="ROLE=K",
        help=_("how many keys of a role must sign; may be repeated (default: as before; for a new role, all)"),
    )
    add(
        "--until",
        action="append",
        default=[],
        metavar="KEY.pub|KEYID=TIME",
        help=_("when a key expires, in UTC; may be repeated"),
    )
    parser.set_defaults(run=run_new)


def run_new(arguments: argparse.Namespace) -> int:
    """Create a policy and show which keys must sign it."""
    previous = parse_policy(read_small(arguments.former), arguments.former.name) if arguments.former else None
    change = policies.Change(
        add=[_addition(text) for text in arguments.add],
        remove=[_keyid(text) for text in arguments.remove],
        thresholds=[_threshold(text) for text in arguments.threshold],
        until=[(_keyid(who), _time(when)) for who, when in map(_pair, arguments.until)],
    )
    policy = policies.next_policy(previous, change)
    path = policies.write_policy(arguments.folder, policy)
    show(_("Policy: {path}").format(path=path))
    for before in filter(None, (previous, policy)):
        show(_must_sign(before))
    return DONE


def _must_sign(policy: Policy) -> str:
    names = ", ".join(signer.key.keyid for signer in policy.of_role("policy"))
    return _("Under policy {number}, {threshold} of these keys must sign it: {names}").format(
        threshold=policy.roles["policy"].threshold, number=policy.number, names=names
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        raise UsageError(_("{text} has no name or no value.").format(text=text), advice=_("Use the form NAME=VALUE."))
    return name, value


def _addition(text: str) -> tuple[str, PublicKey, str]:
    role, _equals, path = text.partition("=")
    file = Path(path)
    key = read_public_key(file)
    comment = file.read_text(encoding="utf-8")[:KEY_LIMIT].strip().split(maxsplit=2)[2:]
    # the key id distinguishes two keys of one owner, which have the same comment
    return policies.role_name(role), key, f"{comment[0] if comment else file.stem} ({key.keyid})"


def _keyid(text: str) -> str:
    return read_public_key(Path(text)).keyid if os.path.exists(text) else text


def _threshold(text: str) -> tuple[str, int]:
    role, count = _pair(text)
    if not count.isdecimal():
        raise UsageError(
            _("{text} is not a valid number of keys.").format(text=count), advice=_("Use a value such as release=2.")
        )
    return policies.role_name(role), int(count)


def _time(text: str) -> Any:
    try:
        return time_from_json(text, text)
    except TrustError as error:
        raise UsageError(error.what, advice=_("Use a time such as 2027-01-31T12:00:00Z.")) from error


def run_sign(arguments: argparse.Namespace) -> int:
    """Sign a policy."""
    show(_("Signature: {path}").format(path=policies.sign_policy(arguments.file, signer_of(arguments.sign_key))))
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    """Show policies; return CHECKS_FAILED if a host would refuse them or there are none."""
    described = policies.describe(arguments.file)
    if arguments.json:
        show_json(described)
    else:
        for facts in described:
            show(_("Policy {number}").format(number=facts["number"]))
            for name, role in facts["roles"].items():
                show(f"  {name}: {role['threshold']} / {len(role['keys'])}")
                for key in facts["keys"]:
                    if key["keyid"] in role["keys"]:
                        show(f"    {key['fingerprint']}  {key['name']}  {key['until'] or ''}".rstrip())
            show("  " + _("signed by {names}").format(names=", ".join(facts["signed_by"]) or "-"))
            if facts["problem"]:
                show("  " + _("not valid: {reason}").format(reason=facts["problem"]))
    return CHECKS_FAILED if not described or any(facts["problem"] for facts in described) else DONE
