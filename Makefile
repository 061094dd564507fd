PYTHON ?= python3
BIN := .venv/bin
TESTS ?= tests --ignore=tests/windows
QUICK := tests/bootstrap tests/builder tests/bundle tests/fleet_report tests/installer tests/recovery tests/shared tests/validator
QUICK := $(QUICK) tests/test_catalogue.py tests/test_rooms.py
# percent of lines and branches that the tests must reach, in all and in what a bundle is verified with;
# a part of the tests needs COVERED=0 TRUSTED_COVERED=0
COVERED ?= 94
TRUSTED_COVERED ?= 100
TRUSTED := bootstrap/launch/*,shared/files/owners.py,shared/files/refused.py,bundle/reading/*,bundle/digest.py
TRUSTED := $(TRUSTED),bundle/manifest.py,bundle/product/model.py,bundle/names.py,bundle/opening.py,bundle/strict.py
TRUSTED := $(TRUSTED),bundle/signing/policy.py,bundle/signing/signature.py
TRUSTED := $(TRUSTED),bundle/wheels/container.py,bundle/wheels/sizes.py,bundle/wheels/structure.py
# processes that share the tests: auto is one for each processor
WORKERS ?= auto
FUZZ_SECONDS ?= 600
.DEFAULT_GOAL := help

.PHONY: bench bench-guard fleet help ragtrace projects demo test quick test-windows hosts hostile fuzz crash damage crash-states crash-windows lint zipapp wheel format clean

help:
	@echo "make demo    build, install, run and validate the example application on this machine"
	@echo "make test    run the tests, on all processors (WORKERS=2: on two)"
	@echo "make quick   the quick tests that mirror the source and need neither a host nor an index, in about a minute"
	@echo "make test-windows  the tests on a Windows host under wine, which takes root on Linux"
	@echo "make hosts   all conditions of docs/hosts.md with their commands, and 1,000 pairs of them (SEEDS=200:400: some)"
	@echo "make fleet   roll out over 30 hosts with Ansible, and with every fault (HOSTS=5: over 5), which takes root on Linux"
	@echo "make crash   kill, cut off and refuse installations at over a thousand places, about an hour"
	@echo "make damage  do every kind of damage at every place of an installation, half an hour, which takes root"
	@echo "make crash-states  look at 20,000 states that a disk may show after a crash, which takes root on Linux"
	@echo "make crash-windows  kill installations on a Windows host under wine at a hundred places, which takes root"
	@echo "make hostile  verify and install bundles with every hostile value in every field"
	@echo "make fuzz    fuzz the readers of foreign bytes for FUZZ_SECONDS"
	@echo "make ragtrace PROJECT=CHECKOUT MODEL=path:FOLDER  build, install, use, damage, repair and remove RAGTrace itself"
	@echo "make projects LIST=FILE  the same for real applications: a line of FILE names the git checkout of one"
	@echo "make lint    ruff, mypy, import directions, codespell"
	@echo "make bench   time the installer's start against a zipapp that does nothing"
	@echo "make bench-guard  count the system calls of commands on a tiny bundle, and compare with the committed numbers"
	@echo "make wheel   build the builder's wheel, into dist/"
	@echo "make zipapp  build the installer for this machine alone, into dist/"

.venv/ready: tools/setup_env.py uv.lock pyproject.toml $(wildcard shared/locale/*/LC_MESSAGES/*.po)
	$(PYTHON) tools/setup_env.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# coverage speaks on stderr, so that the output ends with pytest's closing line
test: .venv/ready
	@$(BIN)/coverage erase
	@COVERAGE_PROCESS_START=pyproject.toml $(BIN)/pytest -n $(WORKERS) --durations=15 $(TESTS)
	@$(BIN)/coverage combine --quiet >&2
	@$(BIN)/coverage report --fail-under=$(COVERED) >&2
	@$(BIN)/coverage report --fail-under=$(TRUSTED_COVERED) --include='$(TRUSTED)' >&2

# while working: no closed host, no index, and nothing that takes long
quick: .venv/ready
	@$(BIN)/pytest -n $(WORKERS) -q -m "not (host or index or slow)" $(QUICK)

# all conditions of hosts with all commands, of which `make test` runs a sample, about an hour; SEEDS goes on elsewhere
hosts: .venv/ready
	RAGTRACE_TEST_HOSTS=all RAGTRACE_TEST_SEEDS=$(SEEDS) $(BIN)/pytest --durations=10 tests/hosts

# all generated hostile bundles, of which `make test` runs some of each format, about half an hour
hostile: .venv/ready
	RAGTRACE_TEST_HOSTILE=all $(BIN)/pytest --durations=10 tests/hostile/test_generated.py

# a fleet of HOSTS hosts, of which `make test` has three, and the faults of a roll-out; takes root on Linux
HOSTS ?= 30
fleet: .venv/ready
	RAGTRACE_TEST_FLEET=$(HOSTS) $(BIN)/pytest --durations=10 tests/fleet

test-windows: .venv/ready
	$(BIN)/pytest --durations=10 tests/windows

# each run goes on where the last one was stopped; remove build/crash to begin again
crash: .venv/ready
	@mkdir -p build/crash
	$(BIN)/pytest -q tests/reliability -k "without_its_sync"
	$(BIN)/python -m tests.reliability.matrix kill --points 1100 --log build/crash/kill.jsonl
	$(BIN)/python -m tests.reliability.matrix power --points 200 --log build/crash/power.jsonl
	$(BIN)/python -m tests.reliability.matrix fail --points 300 --log build/crash/fail.jsonl
	$(BIN)/python -m tests.reliability.damage --batches 50
	$(BIN)/python -m tests.reliability.years.lives memory --seeds 500 --operations 100 --log build/crash/years.jsonl
	$(BIN)/python -m tests.reliability.years.lives disk --seeds 20 --operations 500 --log build/crash/years.jsonl

# states of ext4, XFS and btrfs, over an hour; goes on where it was stopped, like crash
crash-states: .venv/ready
	@mkdir -p build/crash
	$(BIN)/python -m tests.reliability.crash_states --states 20000 --log build/crash/states.jsonl

# 21 kinds of damage at 54 places, and what each command does then; goes on where the last run was stopped
damage: .venv/ready
	@mkdir -p build/damage
	$(BIN)/python -m tests.reliability.spoiling --log build/damage/log.jsonl
	$(BIN)/python -m tests.reliability.spoiling --table --log build/damage/log.jsonl

# a Windows host in the same way, with TerminateProcess, about ten minutes
crash-windows: .venv/ready
	$(BIN)/python -m tests.windows.killing --points 100

# RAGTrace itself, half an hour and 40 GB: PROJECT is a git checkout of it, MODEL path:FOLDER of BGE-M3, or of the
# stand-in that tools/standin_model.py makes
ragtrace: .venv/ready
	$(BIN)/python -m tests.ragtrace --project "$(PROJECT)" --model "$(MODEL)"

# real applications from their checkouts, each built with no option but its target; some minutes each, and its size twice
projects: .venv/ready
	$(BIN)/python -m tests.projects --list "$(LIST)"

# feed bent inputs to every reader of foreign bytes; whatever it finds belongs in tests/fuzz/corpus
fuzz: .venv/ready
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SEED=$$(date +%s) $(BIN)/pytest -q tests/fuzz

demo: .venv/ready
	$(BIN)/python -m tools.demo

bench-guard: .venv/ready
	$(BIN)/python benchmarks/guard.py

bench: .venv/ready
	$(BIN)/python benchmarks/start.py

# the builder for `uv tool install` and pipx
wheel: .venv/ready
	$(BIN)/uv build --wheel --no-build-isolation --offline --no-config --python $(BIN)/python --out-dir dist distribution/builder

zipapp: .venv/ready
	$(BIN)/python build_zipapp.py --output-dir dist

clean:
	rm -rf .venv build dist demo
