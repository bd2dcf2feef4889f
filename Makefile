# Everything runs in .venv, which is made on first use and again when a pyproject.toml or a pin changes.
# Paths are relative on purpose: the repository may lie in a folder whose name has spaces.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PINS := constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml)
RECIPE ?= recipes/forecast/co2-conv-gru-attention.yaml

# Build backends are pinned too; and tests run one process a core, so that torch need not thread.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test test-fast test-slow bench lint clean

help:
	@echo "make run         train, export and verify the model of $(RECIPE)"
	@echo "make test        lint, types, and all tests but the slow ones, with coverage"
	@echo "make test-fast   what a change needs while it is made: no exports, no whole runs, under 3 minutes"
	@echo "make test-slow   the slow tests"
	@echo "make bench       measurements"
	@echo "make lint        ruff and mypy"
	@echo "make clean       remove .venv and caches"

run: $(VENV)/.installed-run
	$(BIN)/seqhub run "$(RECIPE)"

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile --cov --cov-report=term

test-fast: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not heavy" -k "not graphs" -n auto --dist loadfile -q

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	for script in benchmarks/*.py; do $(BIN)/python "$$script" || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed-run: requirements.txt $(PINS)
	@$(MAKE) --no-print-directory install REQUIREMENTS=requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt $(PINS)
	@$(MAKE) --no-print-directory install REQUIREMENTS=requirements-dev.txt
	@touch $@ $(VENV)/.installed-run

# `venv --clear` only for an environment that belongs to another folder: its scripts name that folder.
.PHONY: install
install:
	@test -n "$(PYTHON)" || { echo "seqhub needs Python 3.11 or newer, and found none"; exit 1; }
	@test "$$(cat $(VENV)/.folder 2>/dev/null)" = "$$PWD" || $(PYTHON) -m venv --clear $(VENV)
	@echo "$$PWD" > $(VENV)/.folder
	@echo "installing $(REQUIREMENTS) into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet -r $(REQUIREMENTS)
