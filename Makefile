# Everything starts here: `make run`, then open the address it prints. `make help` lists the rest.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
export PORT HOST

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv install --quiet --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run install test install-test lint bench crash chaos screenshots lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do printf '%-20s %s\n' "$$name" "$$what"; done

# A stamp holds the lock it was made from: pip runs again only when the lock itself has changed.
.venv/run.lock: requirements/run.txt scripts/venv.sh
	@sh scripts/venv.sh $(PYTHON)
	@cmp -s $< $@ || { echo "Installing what the studio needs"; $(PIP) -r $<; }
	@cp $< $@

.venv/test.lock: requirements/test.txt .venv/run.lock
	@cmp -s $< $@ || { echo "Installing what the tests need"; $(PIP) -r $<; }
	@cp $< $@

install: .venv/run.lock ## what `make run` needs, and no more

install-test: .venv/test.lock ## what `make test` needs, the browser included
