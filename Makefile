# Countersign. `make` lists what it can do; `make run` is where to begin.
PYTHON ?= python3
PORT ?= 8000
ARGS ?=

.DEFAULT_GOAL := help
ifeq ($(shell command -v $(PYTHON)),)
$(error There is no $(PYTHON). Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11 run)
endif
.PHONY: help run stop manage test test-recipes check bench bench-peers soak shots lock install

# target: what it does
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start everything at http://127.0.0.1:PORT/ (PORT=8000) until Ctrl-C
	@PORT=$(PORT) $(PYTHON) bootstrap.py run

stop: ## End a running Countersign and whatever a killed one left behind
	@$(PYTHON) bootstrap.py stop

manage: ## Run a management command: make manage ARGS="start_run invoice_settlement --input DIR"
	@$(PYTHON) bootstrap.py manage $(ARGS)

test: ## Run all tests; installs what they need, a browser included (ARGS for pytest)
	@$(PYTHON) bootstrap.py test $(ARGS)

test-recipes: ## Run the recipes for other frameworks, each in an environment of its own
	@$(PYTHON) bootstrap.py test -m recipes -n 0 $(ARGS)

check: ## Format, lint, import contracts, types, migrations, locks
	@$(PYTHON) bootstrap.py exec -m tests.check

bench: ## Measure: one JSON line per figure
	@$(PYTHON) bootstrap.py exec -m bench $(ARGS)

bench-peers: ## Install the engines that `make bench` compares with, in an environment of their own
	@$(PYTHON) bootstrap.py exec -m bench.peers $(ARGS)

soak: ## The races and the models of requests' and grants' lives at length: 10,000 decisions, hundreds of lives
	@COUNTERSIGN_RACES=10000 COUNTERSIGN_LIVES=300 $(PYTHON) bootstrap.py test -n 0 tests/approvals/services/test_races.py tests/approvals/services/test_request_life.py tests/approvals/services/test_grant_life.py $(ARGS)

shots: ## Make a picture of every page at every width and theme, under var/shots
	@$(PYTHON) bootstrap.py test -m shots -n 0 $(ARGS)

lock: ## Resolve the locked requirements anew
	@$(PYTHON) bootstrap.py exec -m tests.locks --write

install: ## Install the development packages only
	@$(PYTHON) bootstrap.py install dev
