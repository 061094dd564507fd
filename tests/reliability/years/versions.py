"""The versions that a host sees over the years: bundles of the tiny application, and policies that trust their key."""

from __future__ import annotations

import functools

from builder.signing.sign import generate_key, load_signer
from bundle.product.application import Migration
from bundle.signing.signature import parse_public_key
from tests import policies, tiny

MIGRATE = """elif command == "migrate":
    (Path(__file__).parent / "data" / "layout.txt").write_text("{layout}")
else:
"""
SHIPPED = "questions.csv"


def layout(version):
    """Return the layout of the data that a version reads: every second one has another."""
    return (version - 1) // 2


def counter(version):
    return tiny.COUNTER + version


def version_of(release):
    """Return the version that a release was made from, 0 for none."""
    return release.counter - tiny.COUNTER if release is not None else 0


def shipped(version):
    """Return what a version ships among the user's data; it comes back now and then."""
    return f"questions of {layout(version) % 3}\n"


def trusts(number):
    """Tell whether the policy of a number trusts the key of the bundles; 0 is none, and the key is named then."""
    return number % 7 != 6


class Versions:
    """Makes bundles and policies in a folder, each once."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("key", "other", "owner"):
            if not (folder / name).exists():
                generate_key(folder / name, None)

    @property
    def key(self):
        return self.folder / "key.pub"

    @property
    def owner(self):
        """The key that vouches for the first policy."""
        return self.folder / "owner.pub"

    @functools.cache  # noqa: B019 - lives as long as the run
    def full(self, version):
        """Return the bundle of a version."""
        number = layout(version)
        source = MIGRATE.format(layout=number).join(tiny.APP.rpartition("else:\n")[::2])
        return tiny.tiny_bundle(
            self.folder / str(version),
            counter=counter(version),
            version=f"{version}.0.0",
            sources={"app.py": source, f"data/{SHIPPED}": shipped(version)},
            key=self.folder / "key",
            core_imports=(),
            smoke=(),
            probe=None,
            migration=Migration(number, ("tiny", "migrate")) if number else None,
        )

    @functools.cache  # noqa: B019
    def delta(self, version, base):
        """Return the delta of a version for hosts that have another one."""
        return self.full(version).delta(self.full(base), self.folder / f"{version}-from-{base}")

    @functools.cache  # noqa: B019
    def policy(self, number):
        """Return the file of a policy, signed by its owner."""
        release = "key" if trusts(number) else "other"
        keys = {name: parse_public_key((self.folder / f"{name}.pub").read_text()) for name in (release, "owner")}
        made = policies.make_policy(number, [keys[release]], [keys["owner"]])
        return policies.lay(
            self.folder / "policies" / str(number), made, load_signer(self.folder / "owner", lambda: None)
        )
