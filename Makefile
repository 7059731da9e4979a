# Everything starts here: `make run`, then open the address it prints. `make help` lists the rest.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
export PORT HOST

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv install --quiet --require-hashes --no-compile
# What pip would compile on one core, on all of them. It is not needed, so that it may fail.
COMPILE := $(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true

.DEFAULT_GOAL := help
.PHONY: help run install test test-all install-test test-pythons lint bench crash chaos container container-test \
	screenshots lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do printf '%-20s %s\n' "$$name" "$$what"; done

# A stamp holds the lock it was made from: pip runs again only when the lock itself has changed.
.venv/run.lock: requirements/run.txt scripts/venv.sh
	@sh scripts/venv.sh $(PYTHON)
	@cmp -s $< $@ || { echo "Installing what the studio needs"; $(PIP) -r $< || exit 1; $(COMPILE); }
	@cp $< $@

# The tests' lock holds all of the studio's, so where neither is installed yet, one run of pip installs both.
.venv/test.lock: requirements/test.txt requirements/run.txt
	@sh scripts/venv.sh $(PYTHON)
	@cmp -s $< $@ || { echo "Installing what the tests need"; $(PIP) -r $< || exit 1; $(COMPILE); }
	@cp requirements/run.txt .venv/run.lock
	@cp $< $@

install: .venv/run.lock ## what `make run` needs, and no more

install-test: .venv/test.lock ## what `make test` needs, the browser included
	@sh scripts/browser/install.sh

run: .venv/run.lock ## the studio, on http://127.0.0.1:8000/ (PORT, HOST); Ctrl-C stops it
	@exec $(BIN)/python manage.py studio

lint: .venv/test.lock ## ruff and djlint: check and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/djlint --check --quiet templates || { echo "Run: $(BIN)/djlint --reformat templates"; exit 1; }

# Each test runs once. The few that have three tries are marked `retried` with their reason, and the report lists each retry.
# Three rounds, so that real processes and browsers do not compete with the quick tests for the cores; the second runs the
# quick ones that ask most of a database once more, on PostgreSQL. All of them run, even if one fails, or lint does.
# The rounds share a folder with the migrated databases that each begins with, and what Python has compiled.
# Tests wait about as much as they work, so there are more workers than cores. Real processes are given out one test at
# a time, the longest first (tests/conftest.py).
TEST_WORKERS ?= 4
PROCESS_WORKERS ?= 4
ON_POSTGRES := $(patsubst %,tests/test_%.py,submit poll budgets save gallery updates select \
	set_up share sign_in usage text outage cost_of_history stored_totals search_index prepared_queries)
PYTEST = $(BIN)/python -m pytest -q -n $(TEST_WORKERS) --dist worksteal
PROCESSES = $(BIN)/python -m pytest -q -n $(PROCESS_WORKERS) --dist loadgroup
test: install-test ## lint and every test
	@status=0; unset PYTHONDONTWRITEBYTECODE; \
	STUDIO_TEST_SHARED=$$(mktemp -d); export STUDIO_TEST_SHARED; trap 'rm -rf "$$STUDIO_TEST_SHARED"' EXIT; \
	make --no-print-directory lint || status=1; \
	$(PYTEST) -m "not process and not browser" || status=1; \
	TEST_DATABASE=postgres $(PYTEST) -m "not process and not browser" $(ON_POSTGRES) || status=1; \
	$(PROCESSES) -m "(process or browser) and not pythons" || status=1; \
	exit $$status

# `make test` checks each page in one theme and size, and takes a sample of what random tests could draw.
test-all: ## the same with every page in every theme and size, and larger samples (long)
	@TEST_ALL=1 make --no-print-directory test

test-pythons: install-test ## a saved video and the quick tests on every promised Python that is on this machine
	@$(BIN)/python -m tests.pythons $(VERSIONS)

bench: .venv/test.lock ## a table of measurements, and bench.json; ROW=files measures that alone
	@$(BIN)/python -m tests.benchmarks.run $(ROW)

crash: .venv/test.lock ## kill -9 at every executed line of a submission (long)
	@$(BIN)/python -m tests.crash

chaos: .venv/test.lock ## faults and kills at random under load, then the ledgers are compared
	@$(BIN)/python -m tests.chaos

container: ## the container image heygen-studio (IMAGE, BASE_IMAGE), by docker, podman or buildah
	@sh scripts/container/build.sh

container-test: .venv/test.lock ## build the image and run it for real: both profiles of compose.yaml (long)
	@sh scripts/container/tools.sh
	@$(BIN)/python -m tests.container

screenshots: install-test ## the pictures in docs/, taken from a running studio
	@$(BIN)/python -m tests.screenshots

lock: .venv/test.lock ## refresh requirements/*.txt from pyproject.toml
	@sh scripts/lock.sh

clean: ## remove what make made; the studio's data stays
	rm -rf .venv .pythons .browser .ruff_cache .hypothesis bench.json test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
