import json

import pytest

from bootstrap import cli
from builder.signing.sign import generate_key
from bundle.signing.signature import ED25519
from installer.layout.prefix import Prefix
from installer.trust import memory
from installer.trust.authority import read_key
from tests.helpers import install
from tests.installed import KEY, make_prefix
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.tiny import COUNTER, tiny_bundle

BUILD, ROOT = SoftKey(ED25519), SoftKey(ED25519)


@pytest.fixture(autouse=True)
def own_host(host):
    """Keep away from this machine's own state."""


@pytest.fixture
def medium(tmp_path):
    lay(tmp_path / "medium", make_policy(1, [BUILD.key], [ROOT.key]), ROOT)
    (tmp_path / "root.pub").write_text(ROOT.key.line() + "\n")
    return tmp_path / "medium"


def call(capsys, *arguments):
    code = cli.main(["trust", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_nobody_is_trusted_at_first(capsys):
    code, out, _err = call(capsys, "show")
    assert (code, "No key is trusted on this host" in out) == (0, True)
    facts = json.loads(call(capsys, "show", "--json")[1])
    assert (facts["source"], facts["policy"]) == (None, None)


def test_update_then_show(capsys, medium, trust_stores, tmp_path):
    assert call(capsys, "update", medium)[0] == 3
    code, out, _err = call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub")
    assert (code, out) == (0, "Adopted policy 1.\nPolicy 1 is now in force.\n")
    assert "Already up to date: no newer policy" in call(capsys, "update", medium)[1]
    assert json.loads(call(capsys, "update", medium, "--json")[1]) == {"taken": [], "untrusted": None}
    memory.remember(trust_stores.host, counters={"app": 7})
    out = call(capsys, "show")[1]
    assert f"Policy 1 of this host, in {trust_stores.host}" in out
    assert "release: 1 of 1 must sign" in out
    assert BUILD.key.fingerprint in out
    assert "app: release counters below 7 are not accepted" in out
    assert json.loads(call(capsys, "show", "--json")[1])["counters"] == {"app": 7}


def test_only_the_last_of_several_new_policies_is_in_force(capsys, medium, tmp_path):
    lay(medium, make_policy(2, [BUILD.key], [ROOT.key]), ROOT)
    out = call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub")[1]
    assert out == "Adopted policy 1.\nAdopted policy 2.\nPolicy 2 is now in force.\n"


def test_the_list_for_ssh_keygen(capsys, medium, tmp_path):
    call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub")
    out = call(capsys, "show", "--allowed-signers")[1]
    assert f'{BUILD.key.keyid} namespaces="ragtrace-release@v1" {BUILD.key.line()}' in out


def test_update_needs_a_policy(capsys):
    with pytest.raises(SystemExit, match="2"):
        call(capsys, "update")
    assert "FILE" in capsys.readouterr().err


def test_a_policy_that_does_not_count_is_shown_as_an_error(capsys, medium, trust_stores, tmp_path):
    call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub")
    (trust_stores.host / "policy-1.json").write_bytes(b"{}")
    code, _out, err = call(capsys, "show")
    assert (code, "error: " in err) == (3, True)


def test_an_update_that_drops_the_signer_of_the_active_release_says_so(capsys, medium, tmp_path):
    prefix = make_prefix(tmp_path / "installed")
    where = ("--prefix", prefix.root)
    lay(medium, make_policy(2, [KEY.key], [ROOT.key]), ROOT)
    code, _out, err = call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub", *where)
    assert (code, err) == (0, "")
    lay(medium, make_policy(3, [BUILD.key], [ROOT.key]), ROOT)
    code, out, err = call(capsys, "update", medium, *where)
    assert (code, "Policy 3 is now in force." in out) == (0, True)
    assert "warning: the policy in force does not accept the signers of the active release: " in err
    assert "  next: Install a release that it accepts; the active one keeps running." in err
    assert "untrusted key" in json.loads(call(capsys, "update", medium, "--json", *where)[1])["untrusted"]


def test_a_policy_of_the_installation_alone_may_drop_the_signer_too(capsys, medium, tmp_path):
    prefix = make_prefix(tmp_path / "installed")
    where = ("--prefix", prefix.root)
    lay(medium, make_policy(2, [KEY.key], [ROOT.key]), ROOT)
    assert call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub", *where)[2] == ""
    lay(tmp_path / "own", make_policy(1, [BUILD.key], [ROOT.key]), ROOT)
    vouched = ("--trust-key", tmp_path / "root.pub")
    code, _out, err = call(capsys, "update", "--only-prefix", tmp_path / "own", *vouched, *where)
    assert (code, "does not accept the signers of the active release" in err) == (0, True)
    cli.main(["validate", "--check", "security.integrity", "--json", *map(str, where)])
    (result,) = json.loads(capsys.readouterr().out)["validation_results"]
    assert result["status"] == "WARN"
    assert "no longer accepts their signers" in result["details"]


def test_a_rollback_to_a_release_of_a_signer_who_was_dropped_says_so(capsys, tiny, medium, tmp_path):
    prefix, other = Prefix(tmp_path / "prefix"), tmp_path / "other"
    install(tiny, prefix)
    generate_key(other, None)
    install(tiny_bundle(tmp_path / "next", counter=COUNTER + 1, version="2.0", key=other), prefix)
    where = ("--prefix", str(prefix.root))
    lay(medium, make_policy(2, [read_key(f"{other}.pub")], [ROOT.key]), ROOT)
    assert call(capsys, "update", medium, "--trust-key", tmp_path / "root.pub", *where)[2] == ""
    assert cli.main(["rollback", *where]) == 0
    assert "warning: the policy in force does not accept the signers of the active release: " in capsys.readouterr().err
