#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Install a bundle, or upgrade to it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: install
short_description: Install a bundle on a host, or upgrade to it
version_added: 0.1.0
description:
  - Installs a bundle that lies on the host as a new release, and activates it.
  - Where a release is installed, the installed tool verifies the new bundle before any of its code runs.
  - On a first installation this module compares the installer with C(SHA256SUMS), and runs a copy of those bytes.
  - If the bundle's release is active already, nothing is run. Use M(ragtrace.offline.validate) to find damage.
  - A failed installation leaves the release active that was active before.
options:
  bundle:
    description:
      - The folder of the bundle on the host, a full or a delta bundle.
    type: path
    required: true
  trust_keys:
    description:
      - Files on the host with public keys to trust, where neither the host nor the installer names any.
    type: list
    elements: path
    default: []
  accept_clock:
    description:
      - Continue even if the bundle's date is ahead of the host's clock.
    type: bool
    default: false
  require_fresh:
    description:
      - Reject a bundle older than this many days, or one whose signer's key has expired.
    type: int
extends_documentation_fragment:
  - ragtrace.offline.tool
  - ragtrace.offline.tool.changes
  - ragtrace.offline.tool.bundle
attributes:
  check_mode:
    description: Runs the preflight of the installer, which writes nothing, and fails if the host does not fit.
    support: full
  diff_mode:
    description: Shows which release was active and which one is.
    support: full
"""

EXAMPLES = r"""
- name: Install the bundle that was transferred
  ragtrace.offline.install:
    prefix: /opt/ragtrace
    bundle: /var/lib/ragtrace/inbox/20
    sums_sha256: "{{ bundle.sums_sha256 }}"
  become: true
"""

RETURN = r"""
active:
  description: The release that is active now.
  returned: success
  type: str
  sample: 20-0123456789ab-r1
former:
  description: The release that was active before, or V(null).
  returned: success
  type: str
missing_settings:
  description: The settings file, and the names that it lacks.
  returned: when something was installed
  type: dict
missing_models:
  description: Models that are not in the bundle and must be copied to the host.
  returned: when something was installed
  type: list
  elements: dict
findings:
  description: The findings of the preflight.
  returned: in check mode
  type: list
  elements: dict
reason:
  description: What the exit code of the tool means.
  returned: failure
  type: str
rc:
  description: The exit code of the tool.
  returned: failure
  type: int
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import (
    Tool,
    ToolError,
    checked_sums,
    diff_of,
    is_of,
    release_of,
    run,
)

HERE = ("prefix", "already", "audit_head", "tool", "former_tool", "removed", "in_use", "run")


def options(params):
    """Return the options of the tool's command."""
    words = ["--accept-clock"] if params["accept_clock"] else []
    if params["require_fresh"] is not None:
        words += ["--require-fresh", str(params["require_fresh"])]
    return words


def keys(params):
    """Return the options that name keys to trust, which ``install`` takes and ``upgrade`` does not."""
    return [word for key in params["trust_keys"] for word in ("--trust-key", key)]


def plan(tool, params, start):
    """Return what would be done, from the preflight that writes nothing. Raises ToolError."""
    words = ["install", params["bundle"], "--dry-run", *options(params), *keys(params)]
    code, value = tool.call(*words, accept=(0, 4))
    if code:
        against = [
            "%s: %s. %s" % (one["name"], one["details"], one["advice"]) for one in value["findings"] if not one["fits"]
        ]
        raise ToolError(
            "This host does not fit: %s" % " ".join(against),
            rc=code,
            reason="this host does not fit",
            findings=value["findings"],
        )
    return {"changed": not value["already"], "active": start + "-r?", "findings": value["findings"]}


def change(tool, params):
    """Install or upgrade, and return what the tool says. Raises ToolError, which names the release that is active."""
    wait = ["--wait", str(params["wait"])]
    try:
        if tool.installed:
            value = tool.call("upgrade", params["bundle"], *wait, *options(params))[1]
        else:
            value = tool.call("install", params["bundle"], *wait, *options(params), *keys(params))[1]
    except ToolError as error:
        try:
            error.values["active"] = tool.active()
        except ToolError:
            error.values["active"] = None
        raise
    return {"changed": not value["already"], **{name: text for name, text in value.items() if name not in HERE}}


def work(module):
    """Do what the task asks for."""
    params = module.params
    if not os.path.isdir(params["bundle"]):
        raise ToolError("%s is not a folder on this host: transfer the bundle first." % params["bundle"])
    start = release_of(params["bundle"], checked_sums(params["bundle"], params["sums_sha256"]))
    tool = Tool(module, params["prefix"], params["bundle"], params["sums_sha256"])
    before = tool.active()
    if is_of(before, start):
        result = {"changed": False, "active": before, "former": before}
    elif module.check_mode:
        result = {"former": before, **plan(tool, params, start)}
    else:
        result = {**change(tool, params), "former": before}
    if module._diff:
        result["diff"] = diff_of("active", before, result["active"])
    return result


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "bundle": {"type": "path", "required": True},
        "sums_sha256": {"type": "str"},
        "trust_keys": {"type": "list", "elements": "path", "default": [], "no_log": False},
        "python": {"type": "path"},
        "wait": {"type": "int", "default": 600},
        "accept_clock": {"type": "bool", "default": False},
        "require_fresh": {"type": "int"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
