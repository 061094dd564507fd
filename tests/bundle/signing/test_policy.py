import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bundle import strict
from bundle.signing.policy import NAMESPACES, Policy, Role, Signer, judge, parse_policy, pins
from bundle.signing.signature import ED25519, SK_ED25519, PublicKey, wire
from shared.errors import TrustError
from tests.keys import SoftKey

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = datetime(2027, 1, 1, tzinfo=timezone.utc)
MESSAGE = b"message"


@pytest.fixture
def policy(keys):
    """Two of the first three keys sign releases, the fourth signs policies; the third has a window."""
    names = ["Builder one", "빌더 둘", "Builder three", "Root"]
    windows = [(None, None), (None, None), (START, END), (None, None)]
    signers = tuple(Signer(key, name, *window) for key, name, window in zip(keys, names, windows, strict=True))
    roles = {"release": Role(2, tuple(key.keyid for key in keys[:3])), "policy": Role(1, (keys[3].keyid,))}
    return Policy(3, signers, roles)


# reading and writing


def test_round_trip(policy):
    assert parse_policy(policy.to_bytes(), "policy.json") == policy
    assert json.loads(policy.to_bytes())["keys"][2]["until"] == "2027-01-01T00:00:00Z"


def test_namespaces_are_fixed():
    assert NAMESPACES == {
        "release": "ragtrace-release@v1",
        "policy": "ragtrace-policy@v1",
        "advisories": "ragtrace-advisories@v1",
        "exceptions": "ragtrace-exceptions@v1",
    }


def refusal(policy, change):
    value = json.loads(policy.to_bytes())
    change(value)
    with pytest.raises(TrustError) as caught:
        parse_policy(strict.dumps(value), "policy.json")
    return caught.value.what


def put(*path_and_value):
    *path, last, new = path_and_value

    def change(value):
        for step in path:
            value = value[step]
        value[last] = new

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (put("format", 2), "policy.json.format: "),
        (put("number", -1), "policy.json.number: "),
        (put("number", True), "policy.json.number: "),
        (put("extra", 1), "policy.json.extra: unknown key"),
        (put("keys", []), "policy.json.roles.release.keys[0]: not one of the policy's keys"),
        (put("keys", 0, "key", "ssh-rsa AAAA"), "policy.json.keys[0].key: "),
        (put("keys", 0, "name", ""), "policy.json.keys[0].name: empty"),
        (put("keys", 0, "name", "빌더 둘"), "policy.json.keys: duplicate key or name"),
        (put("keys", 0, "name", "a\nb"), "policy.json.keys[0].name: contains a control character"),
        (put("keys", 0, "from", "2026-01-01"), "policy.json.keys[0].from: not a time"),
        (put("keys", 2, "until", "2026-01-01T00:00:00Z"), "policy.json.keys[2].until: not after"),
        (put("keys", 0, "extra", 1), "policy.json.keys[0].extra: unknown key"),
        (put("roles", {}), "policy.json.roles.release: missing"),
        (put("roles", "strangers", {}), "policy.json.roles.strangers: unknown key"),
        (put("roles", "release", "threshold", 0), "policy.json.roles.release.threshold: not between 1"),
        (put("roles", "release", "threshold", 4), "policy.json.roles.release.threshold: exceeds the number of keys"),
        (put("roles", "release", "keys", []), "policy.json.roles.release.threshold: exceeds the number of keys"),
        (put("roles", "policy", "keys", ["0" * 16]), "policy.json.roles.policy.keys[0]: not one of"),
    ],
)
def test_refusals_name_their_path(policy, change, what):
    assert refusal(policy, change).startswith(what)


def test_a_key_line_has_nothing_else(policy):
    line = json.loads(policy.to_bytes())["keys"][0]["key"]
    assert "more than a key type and a key" in refusal(policy, put("keys", 0, "key", line + " comment"))
    assert "contains a control character" in refusal(policy, put("keys", 0, "key", line + "\n"))


def test_a_key_stands_once_in_a_role(policy, keys):
    twice = [keys[0].keyid, keys[0].keyid]
    assert "release.keys: duplicate key" in refusal(policy, put("roles", "release", "keys", twice))


def test_one_point_is_one_owner(soft):
    plain = soft[0]
    as_hardware = PublicKey(SK_ED25519, wire(SK_ED25519.encode(), plain.point, b"ssh:"))
    with pytest.raises(TrustError, match="duplicate"):
        pins([plain.key, as_hardware])
    with pytest.raises(TrustError, match="duplicate"):
        pins([plain.key, plain.key])


def test_only_one_way_to_write_it(policy):
    data = policy.to_bytes()
    assert parse_policy(data, "p")
    for other in (data.rstrip(b"\n"), data.replace(b"  ", b" "), data + b"\n", json.dumps(json.loads(data)).encode()):
        with pytest.raises(TrustError, match="not in the canonical form"):
            parse_policy(other, "p")
    with pytest.raises(TrustError, match="duplicate key"):
        parse_policy(data.replace(b'"number": 3', b'"number": 3,\n  "number": 4'), "p")
    with pytest.raises(TrustError, match="larger than"):
        parse_policy(b" " * (1 << 21), "p")


# judging


def test_enough_distinct_keys(policy, keys):
    found = judge(policy, "release", [keys[0], keys[1]], None)
    assert [signer.name for signer in found] == ["Builder one", "빌더 둘"]
    assert judge(policy, "policy", [keys[3]], None)


def test_one_key_counts_once(policy, keys):
    with pytest.raises(TrustError, match="Trusted signatures required: 2; found: 1"):
        judge(policy, "release", [keys[0], keys[0], PublicKey(keys[0].kind, bytes(keys[0].blob))], None)


def test_nobody_is_never_enough(policy):
    for role in ("release", "policy"):
        with pytest.raises(TrustError, match=r"found: 0 .no other signature found"):
            judge(policy, role, [], None)


def test_a_threshold_under_one_refuses(policy, keys):
    for threshold in (0, -1):
        broken = Policy(1, policy.signers, {"release": Role(threshold, (keys[0].keyid,))})
        for signers in ([], [keys[0]]):
            with pytest.raises(TrustError, match="trusts no key"):
                judge(broken, "release", signers, None)


def test_a_role_that_is_not_named_trusts_nobody(policy, keys):
    for role in ("advisories", "nonsense", ""):
        with pytest.raises(TrustError, match="trusts no key for role"):
            judge(policy, role, keys, None)


def test_strangers_are_named_by_fingerprint_and_do_no_harm(policy, keys):
    stranger = SoftKey(ED25519).key
    with pytest.raises(TrustError) as caught:
        judge(policy, "release", [keys[0], stranger], None)
    assert f"{stranger.fingerprint} is an untrusted key" in caught.value.what
    assert keys[0].fingerprint not in caught.value.what
    assert len(judge(policy, "release", [stranger, keys[0], keys[1]], None)) == 2


def test_a_key_of_another_role_does_not_count(policy, keys):
    with pytest.raises(TrustError, match="may not sign this kind of document"):
        judge(policy, "release", [keys[0], keys[3]], None)


def test_a_stranger_with_a_known_keyid_is_a_stranger(policy, keys):
    class Twin(PublicKey):
        keyid = keys[1].keyid

    with pytest.raises(TrustError, match="found: 1"):
        judge(policy, "release", [keys[0], Twin(ED25519, b"other")], None)


def test_windows_hold_at_a_moment(policy, keys):
    second = timedelta(seconds=1)
    for at in (START, START + second, END):
        assert len(judge(policy, "release", [keys[0], keys[2]], at)) == 2
    for at in (START - second, END + second):
        with pytest.raises(TrustError, match=r"the key of Builder three \(SHA256:.*\) may not sign at this time"):
            judge(policy, "release", [keys[0], keys[2]], at)
    assert len(judge(policy, "release", [keys[0], keys[2]], None)) == 2


# pins


def test_pins_are_policy_zero(keys):
    policy = pins(keys)
    assert policy.number == 0
    assert policy.roles == {"release": Role(4, tuple(key.keyid for key in keys))}
    assert parse_policy(policy.to_bytes(), "pins") == policy
    assert len(judge(policy, "release", keys, None)) == 4
    with pytest.raises(TrustError):
        judge(policy, "release", keys[:3], None)
    assert judge(pins(keys, 1), "release", keys[:1], None)


def test_pins_without_keys_or_threshold_are_refused(keys):
    wrong: list[tuple[Any, ...]] = [([],), ([], 0), (keys, 0), (keys, -1), (keys, 5)]
    for arguments in wrong:
        with pytest.raises(TrustError):
            pins(*arguments)
