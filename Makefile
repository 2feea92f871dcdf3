# Each target is a line or two that you could type yourself.
PYTHON ?= python3
DATASET ?=
TRIALS ?= 60
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help env run report tune browser quick test test-faults check bench peers compare page bench-smoke bench-pipeline format coverage clean lock

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

env: .venv/installed  ## Set up .venv with the exact versions of requirements.lock

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@echo "setting up .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

run: env  ## Run the pipeline and show the result (DATASET=ml-25m for another data set)
	@$(if $(DATASET),dvc exp run -S dataset=$(DATASET),dvc repro)
	@movierec summary

report: env  ## Write report.html, one page about the last run
	@movierec report

tune: env  ## Search for better params on validation data; resumes (TRIALS=60 in total)
	@PYTHONPATH=src python -m movierec.experiments.tuning --trials $(TRIALS)

browser:  ## Install Chromium for the tests of web pages (Debian, as root)
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation)

quick: env  ## Run the unit tests (a minute)
	python -m pytest -m 'not faults and not slow'

test: env  ## Run all tests except the fault tests (4 minutes)
	python -m pytest

test-faults: env  ## Test kills, full disks, lost workers and two runs at once (15 minutes)
	python -m pytest -m faults --dist worksteal tests/faults $(FAULTS)

check: env  ## Run everything that must pass before a commit: linters, types, imports, tests, coverage
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	python -m pytest
	$(MAKE) --no-print-directory coverage

coverage: env  ## Measure the test coverage of the kernels, run as plain Python
	NUMBA_DISABLE_JIT=1 coverage run -m pytest -n 0 -k 'not converged and not never_rises' \
		tests/kernels tests/model/test_features.py tests/recommending/test_rankers.py \
		tests/evaluation/test_item_knn.py
	coverage report

bench: env  ## Time training and serving at the size of ml-25m, next to other packages (minutes)
	python -m benchmarks.speed.run

peers:  ## Set up .venv-peers with the packages that `make compare` needs (large)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install -q -e . -r benchmarks/peers/requirements.txt

compare: env  ## Compare errors and rankings with other packages, each tuned (20 minutes)
	PYTHONPATH=src $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.quality.run
	PYTHONPATH=src $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.quality.rankings

bench-smoke: env  ## Try the benchmark on small data
	python -m benchmarks.speed.run --smoke --out /tmp/movierec-bench

bench-pipeline: env  ## Measure time and memory of the whole pipeline at the size of ml-25m (minutes)
	python -m benchmarks.speed.pipeline

page: env  ## Build the page of dvc plots show from .dvc/plots/source.html
	python .dvc/plots/renew.py

format: env  ## Format the code
	ruff check --fix .
	ruff format .

lock: env  ## Update requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate -q -o requirements.lock

clean:  ## Remove the environment and all outputs (but not data/archives)
	rm -rf .venv .venv-peers data/raw data/index data/split data/evaluation models exports .checkpoints
	rm -rf benchmarks/results/.compare dvc_plots report.html .dvc/cache .dvc/tmp
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
	find src stages tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
