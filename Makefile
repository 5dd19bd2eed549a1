.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := src tests bench training

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "deskhand needs Python 3.11 or later; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing from requirements.lock (the first time takes about a minute)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev ## prepare .venv with everything and nothing else

demo: $(VENV)/.run ## run the product: database, web, worker, demo company; ARGS=--once exits when it has shown itself
	@$(BIN)/deskhand demo $(ARGS)

test: $(VENV)/.dev ## install what is missing and run every test
	@$(BIN)/python deploy/find_chromium.py
	@$(BIN)/python deploy/fetch_kafka.py
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

format: $(VENV)/.dev ## write the code in its one format
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(VENV)/.dev
	$(BIN)/basedpyright

imports: $(VENV)/.dev
	$(BIN)/lint-imports

docs: $(VENV)/.dev ## write the generated reference pages
	$(BIN)/python -m docs.generate

docs-check: $(VENV)/.dev
	$(BIN)/python -m docs.generate --check

check: lint types imports docs-check test ## everything that must be green at a commit

evaluation: $(VENV)/.dev ## measure every method on every set and write docs/reference/evaluation.md
	$(BIN)/python -m bench.evaluation $(foreach set,$(SETS),--set $(set))

chaos: $(VENV)/.dev ## load while everything fails, and the ledger of every message; ARGS=--short takes under a minute
	$(BIN)/python -m bench.chaos $(ARGS)

lock: ## resolve the lock files again
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml --group build -o requirements.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements.lock pyproject.toml --extra kafka --extra llm --group dev -o requirements-dev.lock
	rm -rf $(VENV)-lock

.PHONY: help setup demo test format lint types imports docs docs-check check evaluation chaos lock
