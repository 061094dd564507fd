#!/bin/sh
# Install or upgrade on this host, without Ansible: for pssh, clush or a loop over ssh.
#
#   parallel-ssh -h hosts -t 0 -o receipts -e errors "sh -s -- /srv/bundles/20 /opt/app SUMS_SHA256" -I < on-host.sh
#
# BUNDLE is the transferred folder (or a read-only share), PREFIX the folder of the installation, SUMS_SHA256 the SHA-256
# of SHA256SUMS that was verified with ssh-keygen on the administrator's machine. KEY, a fourth word, is a file with a
# public key to trust on the first installation where the installer names none.
#
# stdout is the receipt of this host, the JSON of `status`; everything else goes to stderr. Exit codes are the tool's
# (docs/operating.md), and 1 also says that the new release failed its checks: then the release before is active again.
set -u
bundle=${1:?BUNDLE is missing} prefix=${2:?PREFIX is missing} expected=${3:?SUMS_SHA256 is missing} key=${4:-}
tool=$prefix/bin/ragtrace-offline

say() {
    echo "$(uname -n): $*" >&2
}

active() {
    [ -x "$tool" ] && "$tool" status --json 2>/dev/null | sed -n 's/^  "active": "\(.*\)",*$/\1/p'
}

receipt() {
    [ -x "$tool" ] && "$tool" status --json
}

# 1. Nothing of the bundle runs before it is the one that was verified.
found=$(sha256sum <"$bundle/SHA256SUMS" | cut -d' ' -f1)
if [ "$found" != "$expected" ]; then
    say "SHA256SUMS of $bundle is not the one that was verified."
    exit 3
fi
copy=$(mktemp -d) || exit 4
trap 'rm -rf "$copy"' EXIT
cp "$bundle/MANIFEST.json" "$copy" || exit 4
# a delta bundle has no installer where its base has the same one; the installed tool takes that
[ -x "$tool" ] || cp "$bundle/ragtrace-install.pyz" "$copy" || exit 4
for name in MANIFEST.json ragtrace-install.pyz; do
    [ -e "$copy/$name" ] || continue
    line=$(sha256sum <"$copy/$name" | cut -d' ' -f1)
    if ! grep -q -x -E "$line [ *]$name" "$bundle/SHA256SUMS"; then
        say "$name of $bundle does not match SHA256SUMS."
        exit 3
    fi
done

# 2. A second run does nothing: the names of a release start with the counter and the digest of its manifest.
before=$(active)
start=$(sed -n 's/.*"counter": *\([0-9]*\).*/\1/p' "$copy/MANIFEST.json" | head -n 1)-$(sha256sum <"$copy/MANIFEST.json" | cut -c1-12)
case $before in
"$start"-r*)
    receipt
    exit 0
    ;;
esac

# 3. Install, or let the installed tool verify and upgrade.
if [ -x "$tool" ]; then
    "$tool" upgrade "$bundle" --wait 600 --quiet >&2
else
    python3 "$copy/ragtrace-install.pyz" install "$bundle" --prefix "$prefix" --wait 600 --quiet ${key:+--trust-key "$key"} >&2
fi
code=$?
if [ $code -ne 0 ]; then
    receipt
    exit $code
fi

# 4. The gate, and the way back.
if ! "$tool" validate --strict --quiet >&2; then
    say "the new release failed its checks."
    [ -n "$before" ] && "$tool" rollback --to "$before" --wait 600 --quiet >&2
    receipt
    exit 1
fi
receipt
