# Thin: every target is a line or two of the tools themselves.
PYTHON ?= python3
DATASET ?=
TRIALS ?= 60
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help env run report tune browser test test-faults check bench peers compare page bench-smoke bench-pipeline format coverage clean lock

help:  ## List what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

env: .venv/installed  ## Set up .venv from requirements.lock, exact versions with hashes

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@echo "setting up .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

run: env  ## Run the pipeline, and show the result (DATASET=ml-25m for another data set)
	@$(if $(DATASET),dvc exp run -S dataset=$(DATASET),dvc repro)
	@movierec summary

report: env  ## Write the last run as one HTML page, report.html
	@movierec report

tune: env  ## Search for better params on validation; goes on where it stopped (TRIALS=60 in all)
	@PYTHONPATH=src python -m movierec.experiments.tuning --trials $(TRIALS)

browser:  ## Install Chromium, in which the tests open pages (Debian; as root)
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation)

test: env  ## Run all tests
	python -m pytest

test-faults: env  ## Run the pipeline through kills, full disks and two runs at once (minutes)
	python -m pytest -m faults --dist worksteal tests/faults $(FAULTS)

check: env  ## Lint, types, import direction, tests, kernels' coverage with the JIT off
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	python -m pytest
	$(MAKE) --no-print-directory coverage

coverage: env  ## Coverage of the kernels, run as plain Python
	NUMBA_DISABLE_JIT=1 coverage run -m pytest -q -n 0 tests/kernels/test_tiles.py tests/kernels/test_row_solver.py tests/kernels/test_grouping.py tests/kernels/test_scoring.py tests/model/test_features.py tests/training/test_implicit_als.py tests/recommending/test_rankers.py
	coverage report

bench: env  ## Time movierec and installed peers at ml-25m's size (minutes; see docs/performance.md)
	python -m benchmarks.speed.run

peers:  ## Set up .venv-peers, the packages that make compare compares with (large)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install -q -e . -r benchmarks/peers/requirements.txt

compare: env  ## Ours beside the peers of make peers, tuned alike: errors and rankings (20 minutes)
	PYTHONPATH=src $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.quality.run
	PYTHONPATH=src $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.quality.rankings

bench-smoke: env  ## The same, small
	python -m benchmarks.speed.run --smoke --out /tmp/movierec-bench

bench-pipeline: env  ## Time the whole pipeline at ml-25m's size, and its memory (minutes)
	python -m benchmarks.speed.pipeline

page: env  ## Renew the page of dvc plots show, from .dvc/plots/source.html
	python .dvc/plots/renew.py

format: env  ## Format the code
	ruff check --fix .
	ruff format .

lock: env  ## Write requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate -q -o requirements.lock

clean:  ## Remove the environment and what the pipeline made (not data/archives)
	rm -rf .venv .venv-peers data/raw data/index data/split data/evaluation models exports .checkpoints
	rm -rf benchmarks/results/.compare dvc_plots report.html .dvc/cache .dvc/tmp
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
	find src stages tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
