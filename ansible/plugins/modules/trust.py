#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Apply trust policies on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trust
short_description: Apply trust policies on a host
version_added: 0.1.0
description:
  - Applies new trust policies, each signed by the keys that the one before names.
  - Where nothing is installed yet, O(bundle) names the bundle whose installer applies the policy.
options:
  policies:
    description:
      - Files C(policy-<N>.json) on the host, with their signatures next to them, or a folder of them.
    type: list
    elements: path
    required: true
  trust_keys:
    description:
      - Files on the host with the public keys that the first policy is verified with.
    type: list
    elements: path
    default: []
  only_prefix:
    description:
      - Tighten the policy of this installation, not of the whole host.
    type: bool
    default: false
  bundle:
    description:
      - The folder of a bundle on the host, whose installer is used where nothing is installed.
    type: path
extends_documentation_fragment:
  - ragtrace.offline.tool
  - ragtrace.offline.tool.bundle
attributes:
  check_mode:
    description: Compares the numbers of the policies with the one in force, without verifying them.
    support: full
  diff_mode:
    description: Shows the number of the policy in force.
    support: full
"""

EXAMPLES = r"""
- name: Apply the fleet's policy
  ragtrace.offline.trust:
    prefix: /opt/ragtrace
    policies: [/etc/ragtrace-inbox/policies]
    trust_keys: [/etc/ragtrace-inbox/root.pub]
  become: true
"""

RETURN = r"""
taken:
  description: The numbers of the policies that were applied, or would be.
  returned: success
  type: list
  elements: int
untrusted:
  description: Why the policies reject the signers of the active release, or V(null).
  returned: when a policy was applied
  type: str
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import Tool, ToolError, diff_of, run

NAME = re.compile(r"policy-(0|[1-9][0-9]{0,8})\.json")


def numbers(paths):
    """Return the numbers in the names of policy files and of those in folders. Raises ToolError."""
    found = set()
    for path in paths:
        if not os.path.exists(path):
            raise ToolError("%s does not exist on this host." % path)
        names = os.listdir(path) if os.path.isdir(path) else [os.path.basename(path)]
        found.update(int(matched.group(1)) for matched in map(NAME.fullmatch, names) if matched)
    if not found:
        raise ToolError("No policy-<N>.json is in %s." % ", ".join(paths))
    return sorted(found)


def work(module):
    """Do what the task asks for."""
    params = module.params
    tool = Tool(module, params["prefix"], params["bundle"], params["sums_sha256"])
    shown = tool.call("trust", "show")[1]
    policy = shown["prefix_policy" if params["only_prefix"] else "policy"]
    by_host = params["only_prefix"] or bool(shown["source"] and shown["source"].startswith(shown["host_folder"]))
    before = policy["number"] if policy and by_host else None
    newer = [number for number in numbers(params["policies"]) if before is None or number > before]
    result = {"changed": bool(newer), "taken": newer}
    if newer and not module.check_mode:
        words = [word for key in params["trust_keys"] for word in ("--trust-key", key)]
        words += ["--only-prefix"] if params["only_prefix"] else []
        done = tool.call("trust", "update", *params["policies"], *words)[1]
        result = {"changed": bool(done["taken"]), "taken": done["taken"], "untrusted": done["untrusted"]}
    if module._diff:
        after = result["taken"][-1] if result["taken"] else before
        result["diff"] = diff_of("policy", before, after)
    return result


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "policies": {"type": "list", "elements": "path", "required": True},
        "trust_keys": {"type": "list", "elements": "path", "default": [], "no_log": False},
        "only_prefix": {"type": "bool", "default": False},
        "bundle": {"type": "path"},
        "sums_sha256": {"type": "str"},
        "python": {"type": "path"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
