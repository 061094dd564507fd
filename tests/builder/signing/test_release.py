import pytest

from builder.cli import main
from builder.signing.release import add_signature, read_release
from builder.signing.sign import generate_key, load_signer
from builder.signing.slip import folder_of
from bundle.names import INSTALLER
from bundle.opening import open_bundle
from bundle.signing.policy import pins
from bundle.signing.policy_files import pinned_policy
from shared.errors import BuildError, TrustError, UsageError
from tests.builder.releases import pinned_release
from tests.keys import keygen, needs_keygen
from tests.schemas import validated


@pytest.fixture
def keys(tmp_path):
    return [tmp_path / name for name in ("first", "second", "third") if generate_key(tmp_path / name, None)]


@pytest.fixture
def signers(keys):
    return [load_signer(path, lambda: None) for path in keys]


@pytest.fixture
def release(tmp_path, keys, signers):
    return pinned_release(tmp_path / "out", [one.key for one in signers[:2]], 2, key=keys[0]).folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_signature_changes_no_signed_byte(release, signers):
    before = contents(release)
    made = read_release(release)
    assert not made.is_complete
    made = add_signature(made, signers[1])
    after = contents(release)
    assert made.is_complete
    assert set(made.signers) == {signers[0].key, signers[1].key}
    assert set(after) - set(before) == {f"SHA256SUMS.{signers[1].key.keyid}.sig"}
    assert {name: after[name] for name in before} == before


def test_a_host_wants_both(release, signers):
    policy = pinned_policy(release / INSTALLER)
    with pytest.raises(TrustError, match="Trusted signatures required: 2; found: 1"):
        open_bundle(release, policy)
    add_signature(read_release(release), signers[1])
    assert len(open_bundle(release, policy).signers) == 2


def test_a_strangers_signature_does_not_count(release, signers):
    made = add_signature(read_release(release), signers[2])
    assert not made.is_complete
    with pytest.raises(TrustError, match="found: 1"):
        open_bundle(release, made.pinned)


def test_a_key_signs_once(release, signers):
    with pytest.raises(UsageError, match="has already signed"):
        add_signature(read_release(release), signers[0])


@pytest.mark.parametrize("name", ["ragtrace-install.pyz", "MANIFEST.json", "archive"])
def test_what_was_altered_is_not_signed(release, keys, name, capsys):
    path = next(release.glob("*.tar.gz")) if name == "archive" else release / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    before = contents(release)
    with pytest.raises((BuildError, TrustError)):
        read_release(release)
    assert main(["sign", str(release), "--sign-key", str(keys[1])]) in (3, 7)
    assert path.name in capsys.readouterr().err
    assert contents(release) == before


def test_an_unsigned_folder_is_no_release(release, signers):
    for path in release.glob("*.sig"):
        path.unlink()
    with pytest.raises(TrustError, match="is not signed"):
        read_release(release)


def test_the_command_signs_and_renews_the_slip(release, keys, signers, capsys):
    assert main(["sign", str(release), "--sign-key", str(keys[1]), "--json"]) == 0
    facts = validated("builder-sign", capsys.readouterr().out)
    assert set(facts["signers"]) == {signers[0].key.fingerprint, signers[1].key.fingerprint}
    assert facts["complete"]
    assert "has not signed yet" not in (folder_of(read_release(release)) / "TRUST-SLIP.txt").read_text()


def test_inspect_counts_the_signatures(release, keys, signers, capsys):
    assert main(["inspect", str(release)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 of 2 signatures\n")
    assert f"  {signers[1].key.fingerprint}\n" in out
    assert main(["inspect", str(release), "--json"]) == 0
    facts = validated("verify", capsys.readouterr().out)
    assert facts["signatures"]["made"] == 1
    assert facts["signatures"]["needed"] == 2
    assert signers[1].key.fingerprint in facts["signatures"]["missing"]
    assert main(["sign", str(release), "--sign-key", str(keys[1])]) == 0
    capsys.readouterr()
    assert main(["inspect", str(release)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 of 2 signatures\n")
    assert "cannot be installed yet" not in out


def test_the_command_tells_when_others_must_still_sign(release, keys, capsys):
    assert main(["sign", str(release), "--sign-key", str(keys[2])]) == 0
    assert "the other signers must sign too" in capsys.readouterr().out


@needs_keygen
def test_a_pub_file_signs_through_ssh_keygen(tmp_path, keys):
    keygen("-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "agent")
    public = tmp_path / "agent.pub"
    signer = load_signer(public, lambda: None)
    release = pinned_release(tmp_path / "out", [signer.key], 1, key=keys[0]).folder
    assert main(["sign", str(release), "--sign-key", str(public)]) == 0
    assert open_bundle(release, pins([signer.key])).signers[0].key == signer.key
