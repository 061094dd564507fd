#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer
short_description: Transfer to a host the bundle that fits it, with as few bytes as possible
version_added: 0.1.0
description:
  - Chooses from verified bundles the one for the platform and Python of the host.
  - A delta bundle is preferred if the host has its base.
  - Transfers only what the host has neither in the store of its prefix nor from a transfer that was cut off.
  - Every file is compared with its signed digest before it gets its name.
  - Nothing is transferred if the release of the bundle is active already.
options:
  bundles:
    description:
      - What M(ragtrace.offline.bundle_info) returns.
    type: list
    elements: dict
    required: true
  host:
    description:
      - The facts of the host, C(ansible_facts.ragtrace) of M(ragtrace.offline.facts).
    type: dict
    required: true
  inbox:
    description:
      - A folder on the host, below which each bundle gets a folder of its own.
    type: path
    default: /var/lib/ragtrace/inbox
  method:
    description:
      - V(auto) takes O(share) or O(url) if one is given, else V(rsync) where both ends have it, the connection is SSH
        without become, and nothing of the bundle is on the host; else V(sftp).
      - V(sftp) sends ranges by the file transfer of the connection, whatever that is.
    type: str
    choices: [auto, share, http, rsync, sftp]
    default: auto
  share:
    description:
      - A read-only folder that the host has mounted, in which the bundles' folders lie. They are used in place.
    type: path
  url:
    description:
      - An HTTP address below which the bundles' folders lie, for example of an nginx that serves O(bundles).
    type: str
attributes:
  check_mode:
    description: Says how many bytes the host needs, and transfers nothing.
    support: full
  diff_mode:
    description: Files of a bundle have no diff.
    support: none
author:
  - RAGTrace Enterprise Offline (@ragtrace)
"""

EXAMPLES = r"""
- name: Transfer the bundle to the host
  ragtrace.offline.transfer:
    bundles: "{{ verified.bundles }}"
    host: "{{ ansible_facts.ragtrace }}"
    url: http://deploy.example/bundles
  register: transferred
"""

RETURN = r"""
folder:
  description: The bundle's folder on the host, or V(null) if its release is active already.
  returned: success
  type: str
release:
  description: How the names of the bundle's releases begin.
  returned: success
  type: str
sums_sha256:
  description: The SHA-256 of its verified C(SHA256SUMS).
  returned: success
  type: str
method:
  description: How the bytes were transferred.
  returned: success
  type: str
bytes_needed:
  description: The bytes that had to be transferred.
  returned: success
  type: int
bytes_stored:
  description: The bytes that the host had already.
  returned: success
  type: int
"""
