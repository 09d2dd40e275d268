# The doors to Barrio. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

BIN := .venv/bin
PIP := $(BIN)/python -m pip --no-input --disable-pip-version-check
# Setup chatter goes to stderr, so that stdout belongs to what was asked for.
INSTALL = $(PIP) install --quiet --require-hashes -r $(1) 1>&2
EDITABLE = $(PIP) install --quiet --no-deps --no-build-isolation --no-index -e . 1>&2

.PHONY: help setup dev demo test check bench wheel lock upgrade pin-images clean

help:  ## List what make can do
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/setup.stamp  ## Prepare .venv: .venv/bin/barrio is the command

dev: .venv/dev.stamp  ## Prepare .venv with the tools for tests and checks as well

demo: setup  ## A living district on this machine
	@exec $(BIN)/barrio demo

test: dev  ## Run the tests, against real servers where they are installed (ARGS for pytest)
	@tools/servers.sh
	@$(BIN)/python -m pytest $(ARGS)

check: dev  ## Lint, format, types, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: dev  ## Measure; the last line is JSON (make -s bench)
	@$(BIN)/python -m tests.bench

wheel: dev  ## Build the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist

lock: dev  ## Write the locks anew from pyproject.toml, keeping locked versions
	@$(BIN)/python tools/lock.py

upgrade: dev  ## Write the locks anew with the newest versions that pyproject.toml allows
	@$(BIN)/python tools/lock.py --upgrade

pin-images: dev  ## Write the digests of compose's images into compose/.env (asks their registry by docker)
	@$(BIN)/python tools/pin_images.py

clean:  ## Remove .venv and all that was built
	@rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@rm -rf tests/peers/*/node_modules tests/peers/*/.venv
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/setup.stamp: requirements.lock pyproject.toml tools/venv.sh
	@tools/venv.sh
	@echo "barrio: installing what requirements.lock names" >&2
	@$(call INSTALL,requirements.lock)
	@$(EDITABLE)
	@touch $@

# The dev lock holds all of the other one, so this stands for both.
.venv/dev.stamp: requirements-dev.lock requirements.lock pyproject.toml tools/venv.sh
	@tools/venv.sh
	@echo "barrio: installing what requirements-dev.lock names" >&2
	@$(call INSTALL,requirements-dev.lock)
	@$(EDITABLE)
	@touch .venv/setup.stamp $@
