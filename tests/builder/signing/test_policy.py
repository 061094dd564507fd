import json
from dataclasses import replace

import pytest

from bootstrap import api
from builder.cli import main
from builder.signing.policy import Change, next_policy
from builder.signing.sign import generate_key, load_signer
from installer.trust import authority
from shared.errors import UsageError
from tests.keys import keygen, needs_keygen


@pytest.fixture
def keys(tmp_path):
    for name in ("build", "root", "heir"):
        generate_key(tmp_path / name, None, comment=name)
    return tmp_path


def pub(keys, name):
    return load_signer(keys / name, lambda: None).key


def new(keys, *options):
    return main(["policy", "new", str(keys / "policies"), *options])


def sign(keys, number, name):
    file = keys / "policies" / f"policy-{number}.json"
    return main(["policy", "sign", str(file), "--sign-key", str(keys / name)])


def roles(keys, *pairs):
    return [part for role, name in pairs for part in ("--add", f"{role}={keys / name}.pub")]


@pytest.fixture
def first(keys):
    assert new(keys, *roles(keys, ("release", "build"), ("policy", "root"))) == 0
    return keys / "policies" / "policy-1.json"


def shown(keys, capsys, code=0):
    capsys.readouterr()
    assert main(["policy", "show", str(keys / "policies"), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_chain_that_a_host_walks(keys, first, capsys, trust_stores):
    assert sign(keys, 1, "root") == 0
    revoke = ["--former", str(first), "--remove", f"{keys / 'root'}.pub"]
    assert new(keys, *revoke, *roles(keys, ("policy", "heir"))) == 0
    reported = capsys.readouterr().out
    assert pub(keys, "root").keyid in reported
    assert pub(keys, "heir").keyid in reported
    assert shown(keys, capsys, 1)[1]["problem"]
    sign(keys, 2, "root")
    sign(keys, 2, "heir")
    one, two = shown(keys, capsys)
    assert (one["problem"], two["problem"]) == (None, None)
    assert two["roles"]["policy"]["keys"] == [pub(keys, "heir").keyid]
    api.update_trust([keys / "policies"], trusted_keys=[str(keys / "root.pub")])
    assert authority.host_policy(trust_stores).number == 2


def test_names_come_from_the_keys(first):
    names = [key["name"] for key in json.loads(first.read_text())["keys"]]
    assert [name.split(" (")[0] for name in names] == ["build", "root"]


def test_show_for_people(keys, first, capsys):
    assert main(["policy", "show", str(first)]) == 1
    assert "not valid: Trusted signatures required: 1" in capsys.readouterr().out
    sign(keys, 1, "root")
    assert main(["policy", "show", str(first)]) == 0
    assert f"signed by {pub(keys, 'root').fingerprint}" in capsys.readouterr().out


def test_nothing_there_is_not_in_order(keys, capsys):
    (keys / "policies").mkdir()
    assert main(["policy", "show", str(keys / "policies")]) == 1


@needs_keygen
def test_ssh_keygen_checks_the_signature(keys, first):
    sign(keys, 1, "root")
    (signature,) = first.parent.glob("*.sig")
    options = ("-Y", "check-novalidate", "-n", "ragtrace-policy@v1", "-s", signature)
    assert keygen(*options, stdin=first.read_bytes()).returncode == 0


def test_thresholds_and_ends(keys, first):
    key = pub(keys, "build")
    options = ["--threshold", "release=2", "--until", f"{key.keyid}=2027-01-31T00:00:00Z"]
    assert new(keys, "--former", str(first), *roles(keys, ("release", "heir")), *options) == 0
    policy = json.loads((keys / "policies" / "policy-2.json").read_text())
    assert policy["roles"]["release"]["threshold"] == 2
    assert [one["until"] for one in policy["keys"]] == ["2027-01-31T00:00:00Z", None, None]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--add", "nonsense=build.pub"], "is not a role"),
        (["--threshold", "release"], "has no name or no value"),
        (["--threshold", "release=many"], "not a valid number of keys"),
        (["--threshold", "release=9"], "exceeds the number of keys of the role"),
        (["--remove", "0123"], "has no key 0123"),
        (["--until", "0123=2027-01-31T00:00:00Z"], "has no key 0123"),
        (["--until", "0123=tomorrow"], "not a time"),
        (["--add", "release=missing.pub"], "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused(keys, first, options, words, capsys, monkeypatch):
    monkeypatch.chdir(keys)
    assert new(keys, "--former", str(first), *options) == 2
    assert words in capsys.readouterr().err
    assert not (keys / "policies" / "policy-2.json").exists()


def test_a_policy_that_nobody_could_follow_is_not_made(keys, capsys):
    assert new(keys, *roles(keys, ("release", "build"))) == 2
    assert "no later policy could be signed" in capsys.readouterr().err


def test_nothing_is_overwritten(keys, first, capsys):
    before = first.read_bytes()
    assert new(keys, *roles(keys, ("release", "heir"), ("policy", "root"))) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert first.read_bytes() == before


def test_a_file_that_is_no_policy_is_not_signed(keys, capsys):
    (keys / "policies").mkdir()
    (keys / "policies" / "policy-1.json").write_text("{}")
    assert sign(keys, 1, "root") == 3
    assert not list((keys / "policies").glob("*.sig"))


def test_a_key_in_no_role_goes(keys):
    key = pub(keys, "build")
    policy = next_policy(None, Change(add=[("release", key, "b"), ("policy", pub(keys, "root"), "r")]))
    with pytest.raises(UsageError, match="release"):
        next_policy(policy, Change(remove=[key.keyid]))
    followed = next_policy(policy, Change(remove=[key.keyid], add=[("release", pub(keys, "heir"), "h")]))
    assert key not in [signer.key for signer in followed.signers]


def test_a_policy_that_nothing_can_follow_has_no_successor(keys) -> None:
    key = pub(keys, "root")
    before = next_policy(None, Change(add=[("policy", key, "root"), ("release", key, "root")]))
    orphan = replace(before, roles={"release": before.roles["release"]})
    with pytest.raises(UsageError, match="previous policy has no role 'policy'"):
        next_policy(orphan, Change(add=[("policy", key, "root")]))
