# `make` lists the targets. Everything that a target needs is installed by it: only Python 3.11 or newer, Go, Node, make and a C compiler have to be there.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
export PYTHONPATH := tests
# Packages are trusted by their hash, not by where they come from; a user's own settings for pip and uv stay as they are.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# $(call step,what it does,command): says what is done, and how long it took.
define step
@echo "==> $(1)"; began=$$SECONDS; if $(2); then echo "    $(1): $$((SECONDS - began)) s"; else status=$$?; echo "    $(1): FAILED after $$((SECONDS - began)) s"; exit $$status; fi
endef

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | sort -t$$'\t' -s -k1,1 | while IFS=$$'\t' read -r target what; do printf '  make %-15s %s\n' "$$target" "$$what"; done

# --- set-up -----------------------------------------------------------------------------------------------------------

.PHONY: venv tools lock
venv: $(VENV)/.synced ## the virtual environment in .venv, exactly as locked

$(UV): requirements-uv.txt
	$(call step,create $(VENV),hack/find-python -m venv $(VENV) && $(PY) -m pip install --quiet --require-hashes --only-binary :all: --requirement requirements-uv.txt && touch $(UV))

# The project itself is built from this folder without a look at any index: all that it needs is locked.
$(VENV)/.synced: $(UV) requirements-dev.txt pyproject.toml
	$(call step,install the locked packages,$(UV) pip sync --quiet --python $(PY) --require-hashes requirements-dev.txt requirements-uv.txt)
	$(call step,install wandb-byob itself,$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable . && touch $@)

tools: venv ## the testbed's programs: control plane, object stores, helm (minutes the first time, then cached)
	$(call step,the testbed's programs,$(PY) -m testbed.programs)

lock: $(UV) ## renew requirements*.txt after a change of dependencies in pyproject.toml
	$(call step,requirements.txt,$(COMPILE) pyproject.toml --output-file requirements.txt)
	$(call step,requirements-dev.txt,$(COMPILE) pyproject.toml --extra dev --constraint requirements.txt --output-file requirements-dev.txt)

# --- checks without running anything ----------------------------------------------------------------------------------

.PHONY: lint types imports generate generate-check
lint: venv ## ruff: style and format
	$(call step,lint,$(VENV)/bin/ruff check --quiet && $(VENV)/bin/ruff format --quiet --check)

types: venv ## mypy --strict
	$(call step,types,$(VENV)/bin/mypy --no-error-summary && $(VENV)/bin/mypy --no-error-summary tests/conftest.py tests/testbed hack)

imports: venv ## import-linter: imports go one way, and only runtime/ imports Kopf
	$(call step,imports,PYTHONPATH=operator $(VENV)/bin/lint-imports --no-cache)

generate: venv ## write what is derived: API types, the chart's CRDs, parts of the docs
	$(call step,API types,$(PY) hack/generate.py)
	$(call step,chart and docs,$(PY) hack/docs.py)

generate-check: venv ## fail where something derived is not current
	$(call step,API types are current,$(PY) hack/generate.py --check)
	$(call step,chart and docs are current,$(PY) hack/docs.py --check)

# --- tests ------------------------------------------------------------------------------------------------------------

PYTEST = $(PY) -m pytest --quiet $(PYTEST_ARGS)
# Tests that mostly wait for stores and rollouts run in more processes than there are processors, each with a control plane and stores of its own.
# The tests of one file share what they set up on a cluster; on a store each test has its own, and goes wherever there is time.
WORKERS ?= 5
PARALLEL = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
SPREAD = --numprocesses $(WORKERS) --dist worksteal
# What the contract tests have shown, from one run of all of them.
SHOWN := .contract.json
.PHONY: test test-unit test-contract test-browser test-chart test-cluster
test: lint types imports generate-check test-unit test-contract test-browser test-chart test-cluster ## all of it, in this order
	@echo "==> all checks and tests passed"

test-unit: venv ## pure logic, in seconds
	$(call step,unit tests,$(PYTEST) --numprocesses 2 tests/unit)

test-contract: tools ## every provider on every real object store, and the testbed's own stores and proxy
	$(call step,contract tests,$(PYTEST) $(SPREAD) --results $(SHOWN) tests/contract tests/sixth tests/console tests/testbed --ignore tests/testbed/test_cluster.py)
	$(call step,docs/providers.md says what they have shown,$(PY) -m contract.report --check $(SHOWN))

test-browser: tools ## a real browser with signed URLs, against what the checks say of it
	$(call step,a browser,$(PY) -m testbed.browser)
	$(call step,browser tests,$(PYTEST) tests/browser)

test-chart: tools ## the chart, rendered by real Helm
	$(call step,chart tests,$(PYTEST) tests/chart)

test-cluster: tools ## the operator on a real control plane
	$(call step,cluster tests,$(PYTEST) $(PARALLEL) tests/testbed/test_cluster.py tests/cluster)

.PHONY: docs-doctor docs-providers docs-moving-in
docs-moving-in: tools ## move in with a W&B that runs, and paste what byob says into docs/import.md, wandb-operator.md and instance-storage.md
	$(call step,docs/import.md docs/wandb-operator.md and docs/instance-storage.md,$(PY) -m cluster.documents)

docs-providers: tools ## run the contract tests, and make the tables of docs/providers.md of what they have shown
	$(call step,contract tests,$(PYTEST) $(SPREAD) --results $(SHOWN) tests/contract)
	$(call step,docs/providers.md,$(PY) -m contract.report $(SHOWN))

docs-doctor: tools ## run byob against every local store, healthy and broken, and paste what it prints into docs/doctor.md and docs/cli.md
	$(call step,real output for the docs,$(PY) -m console.report)

# --- to look at -------------------------------------------------------------------------------------------------------

.PHONY: demo demo-down clean
demo: tools ## the whole job on a control plane of its own; leaves a kubeconfig to play with
	$(call step,demo,$(PY) -m testbed.demo up)

demo-down: venv ## end what `make demo` left running
	$(call step,demo down,$(PY) -m testbed.demo down)

clean: ## remove .venv and what tools left in this folder; the cache in the user's folder stays
	$(call step,clean,rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache)
