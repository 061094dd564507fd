PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help demo test lint zipapp format clean

help:
	@echo "make demo    build, install, run and validate the example application on this machine"
	@echo "make test    run the tests"
	@echo "make lint    ruff, mypy, import directions"
	@echo "make zipapp  build the installer for this machine alone, into dist/"

.venv/ready: tools/setup_env.py uv.lock pyproject.toml $(wildcard bootstrap/locale/*/LC_MESSAGES/*.po)
	$(PYTHON) tools/setup_env.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: .venv/ready
	$(BIN)/python -m pytest

zipapp: .venv/ready
	$(BIN)/python build_zipapp.py --output-dir dist

clean:
	rm -rf .venv build dist demo
