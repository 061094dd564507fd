import pytest

from bundle.signing import chain
from bundle.signing.signature import ECDSA, ED25519, SIGNATURES_LIMIT
from shared.errors import TrustError
from tests.keys import SoftKey, keygen_accepts, needs_keygen
from tests.policies import lay, make_policy

A, B, C, D = (SoftKey(kind) for kind in (ED25519, ECDSA, ED25519, ED25519))
ONE = make_policy(1, [A.key], [B.key])
TWO = make_policy(2, [A.key, C.key], [B.key, D.key], needed=(1, 2))


def read(folder):
    return chain.read_all([path.name for path in folder.iterdir()], lambda name: (folder / name).read_bytes())


def refusal(call, *arguments):
    with pytest.raises(TrustError) as caught:
        call(*arguments)
    return caught.value.what


@pytest.fixture
def folder(tmp_path):
    lay(tmp_path, TWO, B, D)
    lay(tmp_path, ONE, B)
    return tmp_path


def test_policies_come_by_number(folder):
    (folder / "notes.txt").write_text("not a policy")
    assert [signed.policy for signed in read(folder)] == [ONE, TWO]
    assert set(read(folder)[1].signers) == {B.key, D.key}


@needs_keygen
def test_ssh_keygen_accepts_the_same_signature(folder, tmp_path):
    signature = (folder / f"policy-1.json.{B.key.keyid}.sig").read_bytes()
    assert keygen_accepts(tmp_path, signature, ONE.to_bytes(), "ragtrace-policy@v1")


def test_ten_comes_after_nine(tmp_path):
    for number in (10, 9):
        lay(tmp_path, make_policy(number, [A.key], [B.key]), B)
    assert [signed.policy.number for signed in read(tmp_path)] == [9, 10]


def test_a_file_must_hold_the_policy_of_its_name(tmp_path):
    lay(tmp_path, ONE, B).rename(tmp_path / "policy-7.json")
    assert "policy-7.json contains policy number 1" in refusal(read, tmp_path)


def test_a_signature_must_hold(folder):
    (folder / f"policy-1.json.{B.key.keyid}.sig").write_bytes(B.sign(b"else", "ragtrace-policy@v1"))
    assert "does not match the file" in refusal(read, folder)


def test_a_release_signature_is_no_policy_signature(folder):
    (folder / f"policy-1.json.{B.key.keyid}.sig").write_bytes(B.sign(ONE.to_bytes(), "ragtrace-release@v1"))
    assert "its namespace is 'ragtrace-release@v1'" in refusal(read, folder)


def test_a_signature_is_named_after_its_key(folder):
    (folder / f"policy-1.json.{B.key.keyid}.sig").rename(folder / "policy-1.json.other.sig")
    assert "does not match the key of the signature" in refusal(read, folder)


def test_a_flood_of_signatures_is_refused(folder):
    for index in range(SIGNATURES_LIMIT):
        (folder / f"policy-1.json.{index}.sig").write_text("x")
    assert "more than 32 signatures" in refusal(read, folder)


# a place's own chain


def test_the_last_policy_of_a_whole_chain_is_in_force(folder):
    assert chain.check_chain(read(folder), 2, folder) == TWO
    assert chain.check_chain([], 0, folder) is None


def test_a_policy_must_be_signed_by_its_own_threshold(tmp_path):
    lay(tmp_path, ONE, A)
    assert "Trusted signatures required: 1; found: 0" in refusal(chain.check_chain, read(tmp_path), 0, tmp_path)


def test_an_unsigned_policy_is_in_force_nowhere(tmp_path):
    lay(tmp_path, ONE)
    assert "no other signature found" in refusal(chain.check_chain, read(tmp_path), 0, tmp_path)


def test_a_policy_without_a_policy_role_cannot_be_followed(tmp_path):
    policy = make_policy(1, [A.key], [B.key])
    policy.roles.pop("policy")
    lay(tmp_path, policy, B)
    assert "trusts no key for role 'policy'" in refusal(chain.check_chain, read(tmp_path), 0, tmp_path)


@pytest.mark.parametrize("kept", [(), (ONE,)])
def test_a_policy_that_is_gone_is_missed(tmp_path, kept):
    for policy in kept:
        lay(tmp_path, policy, B)
    names = read(tmp_path) if kept else []
    assert "policy 2 was in force and is missing" in refusal(chain.check_chain, names, 2, tmp_path)


@pytest.mark.parametrize("signers", [(B,), (D,)])
def test_the_next_policy_needs_its_own_threshold(tmp_path, signers):
    lay(tmp_path, ONE, B)
    lay(tmp_path, TWO, *signers)
    assert "Trusted signatures required" in refusal(chain.check_chain, read(tmp_path), 0, tmp_path)


def test_the_next_policy_needs_the_threshold_before(tmp_path):
    lay(tmp_path, ONE, B)
    lay(tmp_path, make_policy(2, [A.key], [D.key]), D)
    assert "is an untrusted key" in refusal(chain.check_chain, read(tmp_path), 0, tmp_path)


# walking on


def test_a_chain_is_walked_on(folder, tmp_path):
    lay(folder, make_policy(3, [C.key], [D.key]), B, D)
    one, two, three = read(folder)
    assert chain.extend([one], [two, three]) == [two, three]
    assert chain.extend([one], [one, two, three]) == [two, three]
    assert chain.extend([one, two, three], [three]) == []
    assert chain.extend([one, two, three], [two, three]) == []


def test_a_gap_is_refused(folder):
    lay(folder, make_policy(4, [C.key], [D.key]), B, D)
    one, two, four = read(folder)
    assert "Policy 4 cannot follow policy 2: 3 is missing" in refusal(chain.extend, [one], [two, four])
    assert "2 is missing" in refusal(chain.extend, [one], [four])


def test_a_rollback_is_refused(folder):
    one, two = read(folder)
    assert "Policy 1 is older than policy 2" in refusal(chain.extend, [one, two], [one])
    assert "Policy 1 is older than policy 2" in refusal(chain.extend, [two], [one])


def test_another_policy_of_a_known_number_is_refused(folder, tmp_path):
    lay(tmp_path / "other", make_policy(2, [D.key], [B.key]), B)
    assert "A different policy 2 is in force" in refusal(chain.extend, read(folder)[:2], read(tmp_path / "other"))


def test_nothing_offered_is_no_success():
    assert "No policy was found" in refusal(chain.extend, [], [])


# the first one


def test_the_first_policy_needs_the_operators_word(folder):
    one, two = read(folder)
    assert chain.extend([], [one, two], [B.key]) == [one, two]
    assert chain.extend([], [two], [B.key, D.key]) == [two]
    for keys in ([], [A.key], [B.key, A.key], [D.key]):
        assert "has no trusted signature" in refusal(chain.extend, [], [one, two], keys)


def test_the_first_policy_must_be_signed_by_its_own_threshold(tmp_path):
    lay(tmp_path, TWO, B)
    assert "Trusted signatures required: 2; found: 1" in refusal(chain.extend, [], read(tmp_path), [B.key])


def test_a_gap_after_the_first_one_is_refused(tmp_path):
    lay(tmp_path, ONE, B)
    lay(tmp_path, make_policy(3, [A.key], [B.key]), B)
    assert "2 is missing" in refusal(chain.extend, [], read(tmp_path), [B.key])
