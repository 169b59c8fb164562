# Everything a developer does. `make demo` and `make test` need only Python, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check lint types audit bench clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-zA-Z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@ $(VENV)/.core

demo: $(VENV)/.core ## label 1,797 handwritten digits with replayed answers, and prove the error
	$(BIN)/goldleaf demo

demo-reviews: $(VENV)/.dev ## the same on 5,000 food reviews
	$(BIN)/goldleaf demo reviews

test: $(VENV)/.dev ## the tests, in parallel
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict on src
	$(BIN)/mypy

check: lint types test ## what CI runs

audit: $(VENV)/.dev ## known vulnerabilities in what is required and in what the page ships; asks services on the internet
	$(BIN)/python -m pip install -q pip-audit
	$(BIN)/pip-audit --local --skip-editable
	for at in src/goldleaf/web/static/vendor tests/web/browser/axe; do npm audit --package-lock-only --prefix $$at || exit 1; done

bench: bench-answers bench-coverage bench-audit bench-speed bench-page bench-votes ## all benchmarks (hours); results go to benchmarks/results

bench-votes: $(VENV)/.dev ## votes of other sources: quality, fewer answers, speed; its peers need torch
	$(BIN)/python -m pip install -q -e '.[votes-bench]'
	$(BIN)/python -m benchmarks.votes

bench-%: $(VENV)/.dev ## one benchmark: answers, coverage, audit, speed, page
	$(BIN)/python -m benchmarks.$*

clean: ## remove what make made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-digits demo-reviews
