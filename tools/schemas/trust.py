"""Schemas of policies and of the JSON output about trust."""

from __future__ import annotations

from tools.schemas.words import (
    ANY_TEXT,
    COUNT,
    FINGERPRINT,
    FULL_TEXT,
    KEYID,
    SHA256,
    TIME,
    YES_NO,
    Schema,
    closed,
    described,
    items,
    mapping,
    nullable,
)


def policy(more: Schema | None = None) -> Schema:
    """Return the schema of a policy in output: with fingerprints instead of keys."""
    key = {
        "keyid": KEYID,
        "fingerprint": FINGERPRINT,
        "name": FULL_TEXT,
        "from": nullable(TIME),
        "until": nullable(TIME),
    }
    role = {"threshold": {"type": "integer", "minimum": 1}, "keys": items(KEYID)}
    return closed({"number": COUNT, "roles": mapping(closed(role)), "keys": items(closed(key)), **(more or {})})


def trust() -> Schema:
    """Return the schema of ``trust show``, ``trust update`` and ``trust accept-memory``."""
    state = {
        "source": nullable(FULL_TEXT),
        "policy": nullable(policy()),
        "prefix_policy": nullable(policy()),
        "host_folder": ANY_TEXT,
        "counters": described(mapping(COUNT), "product → the least release counter that is accepted"),
    }
    counters = state["counters"]
    remembered = {"policy": COUNT, "counters": counters}
    problems = described(items(ANY_TEXT), "what is wrong with which file")
    were = closed({"folder": ANY_TEXT, **remembered, "rebuilt": YES_NO, "problems": problems})
    accepted = {"accepted": closed(remembered), "were": items(were), "audit_head": nullable(SHA256)}
    taken = closed(
        {
            "taken": described(items(COUNT), "numbers of the new policies"),
            "untrusted": described(nullable(ANY_TEXT), "why the policies reject the signers of the active release"),
        }
    )
    return {"oneOf": [closed(state), taken, closed(accepted)]}


def policies() -> Schema:
    """Return the schema of the builder's ``policy show``."""
    return items(policy({"signed_by": items(FINGERPRINT), "problem": nullable(ANY_TEXT)}))
