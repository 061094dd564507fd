"""The file of allowed signers: ssh-keygen judges by it as the policy does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bundle.signing.openssh import allowed_signers
from bundle.signing.policy import NAMESPACES, Policy, Role, Signer, judge
from bundle.signing.signature import ECDSA, SK_ECDSA
from shared.errors import TrustError
from tests.keys import SoftKey, keygen, needs_keygen

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = datetime(2027, 1, 1, tzinfo=timezone.utc)
MESSAGE = b"message"


@pytest.fixture
def policy(keys):
    """Two of the first three keys sign releases, the fourth signs policies; the third has a window."""
    windows = [(), (), (START, END), ()]
    signers = tuple(Signer(key, key.keyid, *window) for key, window in zip(keys, windows, strict=True))
    roles = {"release": Role(2, tuple(key.keyid for key in keys[:3])), "policy": Role(1, (keys[3].keyid,))}
    return Policy(3, signers, roles)


def test_allowed_signers_of_a_role(policy, keys):
    lines = allowed_signers(policy, "release").splitlines()
    assert lines[0] == "# ragtrace-release@v1: 2 of 3 must sign"
    assert lines[4] == f'{keys[1].keyid} namespaces="ragtrace-release@v1" {keys[1].line()}'
    window = 'valid-after="20260101000000Z",valid-before="20270101000000Z"'
    assert lines[6] == f'{keys[2].keyid} namespaces="ragtrace-release@v1",{window} {keys[2].line()}'
    assert keys[3].keyid not in allowed_signers(policy, "release")
    assert allowed_signers(policy, "advisories") == ""


@needs_keygen
def test_ssh_keygen_judges_as_we_do(tmp_path, soft, policy):
    """Each key, role and moment alone: both say yes, or both say no."""
    everyone = [*soft, SoftKey(ECDSA), SoftKey(SK_ECDSA)]
    moments = [START - timedelta(days=1), START + timedelta(days=1), END + timedelta(days=1)]
    alone = Policy(1, policy.signers, {name: Role(1, role.keyids) for name, role in policy.roles.items()})
    answers = set()
    for role, namespace in (("release", NAMESPACES["release"]), ("policy", NAMESPACES["policy"])):
        path = tmp_path / "allowed_signers"
        path.write_text(allowed_signers(alone, role), encoding="utf-8")
        for one in everyone:
            signed = tmp_path / "sig"
            signed.write_bytes(one.sign(MESSAGE, namespace))
            for at in moments:
                options = ["-f", path, "-I", one.key.keyid, "-n", namespace, "-s", signed]
                theirs = keygen("-Y", "verify", *options, f"-Overify-time={at:%Y%m%d%H%M%SZ}", stdin=MESSAGE)
                try:
                    ours = bool(judge(alone, role, [one.key], at))
                except TrustError:
                    ours = False
                assert (theirs.returncode == 0) == ours, (role, one.kind, at, theirs.stderr)
                answers.add((role, ours))
    assert len(answers) == 4
