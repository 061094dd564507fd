"""Every command with every option, and how each call ends.

A row is the arguments, the exit code (None for what the host decides), and a word of the output.
tests/test_bare.py makes the calls with nothing set, and holds that no command and no option is left out.
"""

from __future__ import annotations

BUILD = "build --project-root project --sign-key key --target linux-x86_64 --python 3.11 --model m=path:project/model"
# what a builder's call must end with; the folder has a project, a key, advisories, and what MADE leaves
BUILDER = (
    ("keygen other --no-passphrase", 0, ""),
    ("keygen asked", 2, "passphrase"),
    ("cache info", 0, ".cache/ragtrace-builder"),
    ("cache info --json --cache-dir c", 0, '"files": 0'),
    ("cache prune", 0, "Removed 0 files"),
    ("cache prune --unused-for 3 --dry-run --json --cache-dir c", 0, '"files": 0'),
    ("targets --project-root project", 0, "linux-x86_64"),
    ("targets --project-root project --target macos-arm64 --python 3.12 --glibc 2.34 --no-build --json", 0, "3.12"),
    ("targets --project-root project --extra nothing --group nothing", 7, "nothing"),
    ("build", 2, "--sign-key"),
    ("build --dry-run", 2, "pyproject.toml"),
    ("build --dry-run --project-root project", 0, "Plan for audited 1.2.3"),
    (f"{BUILD} --dry-run --json --quiet --verbose --offline --output-dir o --cache-dir c", 0, '"product"'),
    (
        f"{BUILD} --glibc 2.34 --extra more --no-build --volume-size 1k --threshold 1 --attestations off",
        2,
        "1000 bytes",
    ),
    (f"{BUILD} --trust-key none.pub", 2, "none.pub"),
    (f"{BUILD} --dry-run --strict-source", 0, "commit: "),
    (f"{BUILD} --group nothing", 7, "nothing"),
    (f"{BUILD} --dry-run --wheel other-1-py3-none-any.whl", 2, "other"),
    (f"{BUILD} --dry-run --run nothing.py", 2, "nothing.py"),
    ("build --dry-run --project-root project --python 3.11.2", 0, "3.11.2"),
    (f"{BUILD} --dry-run --python 3.11.2", 2, "two patch releases"),
    ("build --dry-run --project-root project --python x", 2, "not supported"),
    (f"{BUILD} --profile nothing", 2, "nothing"),
    (f"{BUILD} --with-python 3.99", 7, "uv cannot install"),
    (f"{BUILD} --dry-run --counter 9000000000 --base out", 0, "omitted"),
    (f"{BUILD} --exceptions e.json", 2, "--advisories"),
    (f"{BUILD} --advisories a.zip --exceptions none --fail-on any --severity-table strict --dry-run", 2, "none"),
    (f"{BUILD} --advisories a.zip --fail-on any --severity-table strict --dry-run", 7, "would stop here"),
    (f"{BUILD} --sarif s.json", 2, "--advisories"),
    (f"{BUILD} --advisories a.zip --sarif s.json --ignore-until-fixed --dry-run", 0, "1 in"),
    (f"{BUILD} --advisories a.zip --offline", 7, "cache"),
    ("build --project-root project --dry-run --model m=hf:org/model@main --profile hub.toml", 7, "huggingface.co"),
    ("build --project-root project --sign-key key --profile hub.toml", 7, "huggingface.co"),
    ("build --project-root project --dry-run --profile hub.toml --offline", 7, "org/model"),
    (f"{BUILD} --without-model m --dry-run", 0, "to fetch"),
    (
        f"{BUILD} --dry-run --frozen --name kit --product-version 2 --exclude docs --package audited",
        0,
        "Plan for kit 2",
    ),
    (f"{BUILD} --dry-run --all-extras --all-groups", 0, "Plan for audited"),
    (f"{BUILD} --dry-run --allow-secrets docs --build-timeout 60", 0, "Plan for audited"),
    (f"{BUILD} --dry-run --build-timeout 0", 2, "--build-timeout"),
    (f"{BUILD} --lock none.txt --script none.py", 2, "cannot be combined"),
    ("profile init --project-root project --output written.toml", 0, "Created"),
    ("profile init --lock none.txt --script none.py", 2, "cannot be combined"),
    ("profile check --project-root project --profile nothing --exclude docs --allow-secrets x", 2, "nothing"),
    ("profile check --lock none.txt --script none.py", 2, "cannot be combined"),
    ("targets --project-root project --package audited --frozen --all-extras --all-groups", 0, "linux-x86_64"),
    ("targets --lock none.txt --script none.py", 2, "cannot be combined"),
    ("sign out --sign-key key", 2, "already"),
    ("sign out --sign-key key --json", 2, "already"),
    ("inspect out", 0, "audited 1.2.3"),
    ("inspect out --trust-key key.pub --json", 0, '"audited"'),
    ("inspect out --attestations", 0, "0 of 2 wheels verified again"),
    ("inspect out --trust-root none", 2, "Add --attestations"),
    ("inspect out --publisher github:o/r", 2, "Add --attestations"),
    (f"{BUILD} --dry-run --trust-root none --publisher github:o/r", 0, "Plan for audited"),
    (f"{BUILD} --dry-run --publisher someone", 2, "does not name a publisher"),
    ("rebuild --check out --project-root project --model m=path:project/model", 0, "Byte-identical"),
    (
        (
            "rebuild --check out --project-root project --model m=path:project/model --json --quiet --offline "
            "--cache-dir c --scratch-dir scratch --profile nothing --with-python 3.99 --exceptions none"
        ),
        2,
        "nothing",
    ),
    (
        (
            "policy new p --add release=key.pub --add policy=key.pub --threshold release=1 "
            "--until key.pub=2031-01-01T00:00:00Z"
        ),
        0,
        "policy-1.json",
    ),
    ("rebuild --check out --lock none.txt --script none.py", 2, "cannot be combined"),
    ("policy new q --former policies/policy-1.json --remove key.pub", 2, ""),
    ("policy sign policies/policy-1.json --sign-key key", 0, "Signature"),
    ("policy show policies", 0, "Policy 1"),
    ("policy show policies --json", 0, '"number": 1'),
    ("advisories fetch", 7, "osv"),
    (
        (
            "advisories fetch --url http://localhost:1/all.zip --output f.zip --former a.zip --sequence 3000000000 "
            "--accept-drop --sign-key key --json --quiet --kev none.json --epss none.csv"
        ),
        7,
        "localhost",
    ),
    ("advisories import all.zip", 0, "advisories.zip"),
    (
        (
            "advisories import all.zip --output i.zip --former a.zip --sequence 3000000000 "
            "--accept-drop --sign-key key --json --quiet"
        ),
        0,
        '"sequence"',
    ),
    ("advisories import all.zip --output k.zip --kev none.json", 2, "none.json"),
    ("advisories import all.zip --output k.zip --epss none.csv", 2, "none.csv"),
    ("advisories sign a.zip --sign-key key", 0, "Signature"),
    ("advisories sign a.zip --sign-key key --advisories none.zip", 0, "Signature"),
    ("advisories except x.json --from none.toml", 2, "none.toml"),
    ("advisories except y.json --advisories none.zip", 2, "--id"),
    ("advisories template --advisories a.zip --project-root project", 0, "[[exceptions]]"),
    ("advisories template --advisories a.zip --project-root project --package none --frozen", 2, "none"),
    ("advisories template --advisories a.zip --project-root project --all-extras --all-groups", 0, "[[exceptions]]"),
    ("advisories template --advisories a.zip --lock none.txt --script none.py", 2, "cannot be combined"),
    (
        (
            "advisories template --advisories a.zip --project-root project --target linux-x86_64 --python 3.12 "
            "--glibc 2.34 --extra more --group none --no-build --exceptions none --fail-on high --output t.toml"
        ),
        2,
        "none",
    ),
    ("advisories show a.zip", 0, "Advisories: "),
    ("advisories show a.zip --json", 0, '"counts"'),
    (
        (
            "advisories except x.json --id TEST-1 --package given --versions ==1.0 --statement s "
            "--approver kim --days 9 --justification component_not_present"
        ),
        0,
        "Exceptions: 1",
    ),
    ("advisories except x.json --removed a.zip --id X-1 --package given --statement s --approver kim", 0, "removal of"),
    ("advisories except x.json --snapshot a.zip --statement s --approver kim --days 9", 0, "acceptance of"),
    ("advisories show x.json", 0, "Exceptions: "),
    ("fleet report . --allowed-signers none", 2, "none"),
    (
        (
            "fleet report . --unverified --memory m.json --nonce n --product p --max-age 3 --strict "
            "--output t.csv --format csv --json"
        ),
        3,
        '"refused"',
    ),
    ("fleet enroll none --allowed-signers a --replace --json", 2, "none"),
)
INSTALLER = (
    ("verify", 2, ""),
    ("verify {bundle}", 3, ""),
    ("verify {bundle} --trust-key {key}", 0, ""),
    ("index pypi {bundle}", 3, ""),
    ("index pypi {bundle} --trust-key {key} --dry-run", 0, "Ready."),
    ("index pypi {bundle} --trust-key {key}", 0, "pip install"),
    ("index pypi {bundle} --trust-key {key}", 2, "already exists"),
    ("install", 2, ""),
    ("install {bundle}", 3, ""),
    ("install {bundle} --trust-key {key} --dry-run --wait 1 --accept-clock --require-fresh 9999", 0, ""),
    ("install {bundle} --trust-key {key} --asset HMI-7", 0, "Active release"),
    ("install {bundle} --trust-key {key} --reinstall", 0, "Reinstalled"),
    ("status", 0, "tiny-app"),
    ("status --prefix {prefix} --syslog 127.0.0.1:9 --quiet --json", 0, "tiny-app"),
    ("list-checks", 0, "system.python"),
    ("validate --quick --asset HMI-8", None, "asset HMI-8"),
    ("validate --full", None, "Overall"),
    ("validate --output report.json --format json", None, ""),
    ("validate --category System --check packages.record --skip system.disk --strict --timeout 30 --json", None, ""),
    ("compare report.json report.json", 0, ""),
    ("compare report.json report.json --output changes.html", 0, ""),
    ("monitor --count 1 --interval 0.1", 0, ""),
    ("monitor --duration 0.1 --interval 0.1 --output m.prom --format prometheus", 0, ""),
    ("schedule", 2, ""),
    ("schedule install --metrics m --enable --dry-run", None, ""),
    ("schedule install --syslog tls://127.0.0.1:9?ca=none.pem --dry-run", None, ""),
    ("schedule remove --dry-run", 0, "Nothing is scheduled"),
    ("schedule remove", 0, "Nothing is scheduled"),
    ("recover", 0, ""),
    ("recover report.json", 0, ""),
    (
        "recover --diagnosis report.json --bundle {bundle} --trust-key {key} --allow-unlocked --yes --dry-run --wait 1",
        0,
        "",
    ),
    ("rollback", 4, "no release of another version"),
    ("rollback --to 1 --wait 1", 2, ""),
    ("rollback --dry-run", 4, "1 thing to fix."),
    ("backup", 0, "Backup"),
    ("backup create --dry-run --wait 1", 0, ""),
    ("backup list", 0, ""),
    ("backup restore latest --dry-run", 0, ""),
    ("backup restore latest --wait 1", 0, ""),
    ("history", 0, "install"),
    ("audit-log show", 0, ""),
    ("audit-log verify --head 0123456789abcdef", 3, ""),
    ("audit-log export log.json", 0, ""),
    ("audit-log export more.json --head 0123456789abcdef", 3, ""),
    ("upgrade", 2, ""),
    ("upgrade {bundle} --wait 1 --accept-clock --require-fresh 9999", 3, ""),
    ("upgrade {bundle} --dry-run", 3, ""),
    ("advisories show", None, ""),
    ("advisories scan --severity-table strict --vex v.json --sarif v.sarif --ignore-until-fixed", None, ""),
    (
        (
            "advisories update a.zip --wait 1 --accept-clock --severity-table strict --vex w.json --sarif w.sarif "
            "--ignore-until-fixed"
        ),
        None,
        "",
    ),
    ("advisories update a.zip --dry-run", 2, "1 thing to fix."),
    ("trust show", 0, ""),
    ("trust show --allowed-signers", 0, ""),
    ("trust update {policy} --trust-key {key} --only-prefix", None, ""),
    ("trust update {policy} --trust-key {key} --only-prefix --dry-run", None, ""),
    ("trust accept-memory --dry-run", 0, "Ready."),
    ("trust accept-memory --yes", None, ""),
    ("statement key", 0, "Fingerprint"),
    ("statement key --renew", 0, "ragtrace-report@v1"),
    ("statement key --host-key none", 4, "none"),
    ("statement receipt --nonce n --output r.json", 0, "number 1"),
    ("statement receipt --host-key none", 4, "none"),
    ("statement report --effort quick --nonce n --output s.json", 0, "number 2"),
    ("statement report --report none --host-key none", 2, "none"),
    ("fleet report .", 2, "--allowed-signers"),
    ("fleet report . --allowed-signers none", 2, "none"),
    (
        (
            "fleet report . --unverified --memory m.json --nonce n --product tiny-app --max-age 3 --strict "
            "--output t.html --format html"
        ),
        3,
        "tiny-app",
    ),
    ("fleet enroll none --allowed-signers a --replace", 2, "none"),
    ("uninstall", 2, ""),
    ("uninstall --dry-run", 0, "Ready."),
    ("uninstall --wait 1 --yes --purge --audit-log last.jsonl", 0, "last.jsonl"),
)
