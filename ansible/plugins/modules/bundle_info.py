#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Verify bundles on the control node, and return what is in them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_info
short_description: Verify bundles on the control node, and return what is in them
version_added: 0.1.0
description:
  - Verifies the signatures of bundle folders with C(ssh-keygen), and every file against C(SHA256SUMS).
  - Nothing of a bundle is run. Run this on the control node, before anything is transferred.
  - RV(bundles) is what M(ragtrace.offline.transfer) needs. RV(bundles[].sums_sha256) ties each host to these bytes.
options:
  folders:
    description:
      - Folders of full and delta bundles, one of each for every platform and Python of the fleet.
    type: list
    elements: path
    required: true
  signers:
    description:
      - Public keys that may sign, as in a C(.pub) file, or the paths of such files.
    type: list
    elements: str
    required: true
  threshold:
    description:
      - How many of the signers must have signed each bundle.
    type: int
    default: 1
requirements:
  - C(ssh-keygen) of OpenSSH 8.1 or later
author:
  - RAGTrace Enterprise Offline (@ragtrace)
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: Nothing is changed, so there is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Verify what is to be rolled out
  ragtrace.offline.bundle_info:
    folders: [/srv/ragtrace/ragtrace-0.2.0-linux-x86_64-cp311]
    signers: [/srv/ragtrace/keys/release.pub]
  delegate_to: localhost
  run_once: true
  register: verified
"""

RETURN = r"""
bundles:
  description: The verified bundles, in the order of O(folders).
  returned: success
  type: list
  elements: dict
  contains:
    release:
      description: How the names of its releases begin, C(<counter>-<sha12>).
      type: str
      returned: always
    sums_sha256:
      description: The SHA-256 of its C(SHA256SUMS).
      type: str
      returned: always
    signers:
      description: The fingerprints of those of O(signers) that signed it.
      type: list
      elements: str
      returned: always
    base:
      description: The release that a delta bundle needs, or V(null).
      type: str
      returned: always
"""

import glob
import hashlib
import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.pieces import find_pieces
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import (
    INSTALLER,
    MANIFEST,
    SUMS,
    ToolError,
    read_small,
    read_sums,
    run,
    sha256_file,
)

BASE = "BASE-MANIFEST.json"
NAMESPACE = "ragtrace-release@v1"


def public_keys(named):
    """Return the public keys that are given as text or by file. Raises ToolError."""
    found = []
    for one in named:
        text = one if " " in one.strip() else read_small(one).decode("utf-8", "replace")
        words = text.split()
        if len(words) < 2 or "PRIVATE" in text:
            raise ToolError("%s is not a public key of OpenSSH." % one)
        found.append(" ".join(words[:2]))
    if not found:
        raise ToolError("No signer is named: a bundle without a trusted signer is never rolled out.")
    return sorted(set(found))


def verify(module, folder, sums, keys):
    """Return the fingerprints of the keys that signed a bundle's SHA256SUMS."""
    signed = []
    for number, key in enumerate(keys):
        allowed = os.path.join(module.tmpdir, "signer-%d" % number)
        with open(allowed, "w", encoding="ascii") as file:
            file.write('signer namespaces="%s" %s\n' % (NAMESPACE, key))
        for signature in sorted(glob.glob(os.path.join(glob.escape(folder), SUMS + ".*.sig"))):
            argv = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "signer", "-n", NAMESPACE, "-s", signature]
            code, out, _err = module.run_command(argv, data=sums, binary_data=True)
            if code == 0:
                signed.append(out.split()[-1])
                break
    return signed


def product_of(folder, name, sums):
    """Return a manifest of a bundle and the start of its releases' names. Raises ToolError."""
    data = read_small(os.path.join(folder, name))
    digest = hashlib.sha256(data).hexdigest()
    if sums.get(name) != digest:
        raise ToolError("%s does not match SHA256SUMS." % os.path.join(folder, name))
    manifest = json.loads(data.decode("utf-8"))
    return manifest, "%d-%s" % (manifest["product"]["counter"], digest[:12])


def describe(module, folder, keys):
    """Verify one bundle and return what the other modules need of it. Raises ToolError."""
    data = read_small(os.path.join(folder, SUMS))
    signed = verify(module, folder, data, keys)
    if len(signed) < module.params["threshold"]:
        raise ToolError(
            "%s is signed by %d of the %d signers that are required. Do not use it."
            % (folder, len(signed), module.params["threshold"])
        )
    sums = read_sums(data, os.path.join(folder, SUMS))
    for name, digest in sums.items():
        if sha256_file(os.path.join(folder, name)) != digest:
            raise ToolError("%s does not match SHA256SUMS. Do not use this bundle." % os.path.join(folder, name))
    if INSTALLER not in sums and BASE not in sums:  # a delta bundle omits an installer that its base has too
        raise ToolError("SHA256SUMS of %s does not name %s." % (folder, INSTALLER))
    manifest, release = product_of(folder, MANIFEST, sums)
    names = (
        sorted(sums)
        + [SUMS]
        + sorted(os.path.basename(one) for one in glob.glob(os.path.join(glob.escape(folder), SUMS + ".*.sig")))
    )
    members = {one["path"]: (one["size"], one["sha256"]) for one in manifest["files"]}
    paths = {name: os.path.join(folder, name) for name in names}
    archives = [name for name in sums if name.endswith(".tar.gz")]
    return {
        "folder": os.path.abspath(folder),
        "product": manifest["product"]["name"],
        "version": manifest["product"]["version"],
        "counter": manifest["product"]["counter"],
        "release": release,
        "platform": "%s-%s" % (manifest["target"]["platform"], manifest["target"]["architecture"]),
        "python": manifest["target"]["python"],
        "base": product_of(folder, BASE, sums)[1] if BASE in sums else None,
        "sums_sha256": hashlib.sha256(data).hexdigest(),
        "signers": signed,
        "files": [
            {"name": name, "size": os.path.getsize(path), "sha256": sums.get(name) or sha256_file(path)}
            for name, path in paths.items()
        ],
        "pieces": {name: find_pieces(paths[name], members) for name in archives},
    }


def work(module):
    """Do what the task asks for."""
    keys = public_keys(module.params["signers"])
    found = []
    for folder in module.params["folders"]:
        try:
            found.append(describe(module, folder, keys))
        except (ValueError, KeyError, TypeError) as error:
            raise ToolError("MANIFEST.json of %s is not a manifest: %s." % (folder, error)) from error
    return {"changed": False, "bundles": found}


def main():
    """Run the module."""
    spec = {
        "folders": {"type": "list", "elements": "path", "required": True},
        "signers": {"type": "list", "elements": "str", "required": True},
        "threshold": {"type": "int", "default": 1},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
