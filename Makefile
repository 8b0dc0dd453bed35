# Everything runs in a virtual environment of its own, made from the hash-checked locks under requirements/.
PYTHON ?= python3
PORT ?= 8000
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
LOCK = $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Each job of the tests starts a PostgreSQL of its own. What they import is compiled once and kept, whatever the shell says
# of it: they and the processes that they start take twice as long to start otherwise.
TESTS = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal

.PHONY: help setup serve test lint check drills browser soak bench format lock schema clean

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.runtime  ## Make the environment alone

serve: $(VENV)/.runtime  ## Migrate, load the demo data into SQLite and serve on http://127.0.0.1:$(PORT)
	@$(BIN)/crmgraph serve --demo --port $(PORT)

test: $(VENV)/.dev  ## Run all tests, on SQLite and on a PostgreSQL that they start themselves (JOBS=2, ARGS=...)
	@$(TESTS) $(ARGS)

lint: $(VENV)/.dev  ## Format, lint, types, import contracts, schema diff
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/crmgraph schema | diff -u schema.graphql -

check: lint test  ## Everything that has to hold: lint, then test

drills: $(VENV)/.dev  ## Break things on purpose: killed servers, hundreds of bad connections, databases that go away (minutes)
	@$(TESTS) tests/drills $(ARGS)

browser: $(VENV)/.dev graphiql/node_modules/.made tests/browser/clients/node_modules/.made examples/list-screen/node_modules/.made  ## Try the pages, the guide for clients and the list screen in Chromium, and the OpenAPI documents as Postman imports them (newman); needs Node, npm and Chromium
	@$(BIN)/python -m pytest tests/browser $(ARGS)

soak: $(VENV)/.dev  ## Run the generated tests for long: documents, records, malformed requests by the thousand, all of schemathesis, and every race twenty times
	@TEST_DOCUMENTS=3000 TEST_RECORDS=50 TEST_REQUESTS=2000 TEST_ROUNDS=20 $(TESTS) tests/graph/test_plan.py tests/agreement tests/fuzz \
		tests/test_races.py tests/test_unconversion.py tests/graph/test_upsert_races.py tests/merging/test_races.py $(ARGS)

bench: $(VENV)/.dev bench/.venv/.made bench/peers/node_modules/.made  ## Measure against the peers (ARGS=--quick, ARGS=--scale)
	@$(BIN)/python -m bench.run $(ARGS)

format: $(VENV)/.dev  ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/.dev  ## Write schema.graphql anew
	$(BIN)/crmgraph schema > schema.graphql

lock: $(VENV)/.dev  ## Resolve the locks anew from pyproject.toml
	$(PIP) install uv
	$(LOCK) --upgrade --group dev -o requirements/dev.txt
	$(LOCK) --group build -c requirements/dev.txt -o requirements/runtime.txt

clean:  ## Remove the environment and the caches; the demo data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

graphiql/node_modules/.made: graphiql/package-lock.json
	cd graphiql && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

examples/list-screen/node_modules/.made: examples/list-screen/package-lock.json
	cd examples/list-screen && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

tests/browser/clients/node_modules/.made: tests/browser/clients/package-lock.json
	cd tests/browser/clients && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bench/.venv/.made: bench/requirements.txt
	$(PYTHON) -m venv bench/.venv
	bench/.venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r bench/requirements.txt
	@touch $@

bench/peers/node_modules/.made: bench/peers/package-lock.json
	cd bench/peers && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
