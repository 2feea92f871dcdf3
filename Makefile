# Each target is a command or two that you could type yourself.
PYTHON ?= python3
DATASET ?=
TRIALS ?= 60
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# Without compiled bytecode, which uv leaves to the first import, a run takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env dev run report tune browser quick test test-faults lint check bench peers compare page bench-smoke bench-pipeline bench-api side-by-side format coverage clean lock docs notebooks

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

env: .venv/installed  ## Create .venv with the packages needed to run the pipeline (requirements.lock)

dev: .venv/dev  ## Install also the packages for tests, linters and benchmarks (requirements-dev.lock)

.venv/installed: requirements.lock requirements-setup.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else "error: Python 3.11 to 3.14 is needed; choose one: make PYTHON=python3.12")'
	@echo "setting up .venv, once (some seconds)"
	@$(PYTHON) -m venv .venv
	@$(call install,requirements.lock)
	@.venv/bin/uv pip install -q --python .venv/bin/python --offline --no-deps --no-build-isolation -e .
	@.venv/bin/uv pip uninstall -q --python .venv/bin/python flit_core uv
	@find .venv/lib -name tests -type d -prune -exec rm -rf {} +  # tests of packages: 60 MB
	@touch $@

.venv/dev: .venv/installed requirements-dev.lock
	@echo "adding packages for tests and linters to .venv, once (some seconds)"
	@$(call install,requirements-dev.lock)
	@touch $@

# Install a lock file with uv, which checks hashes like pip in a tenth of the time, or with pip.
pip = .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes
install = $(pip) -r requirements-setup.lock && \
	(.venv/bin/uv pip install -q --python .venv/bin/python --require-hashes --build-constraints requirements.lock -r $(1) \
	|| (echo "uv failed; trying pip" && $(pip) -r $(1)))

run: env  ## Run the pipeline and show the result (DATASET=ml-25m for another data set)
	@$(if $(DATASET),dvc exp run -S dataset=$(DATASET),dvc repro)
	@movierec summary

report: env  ## Write report.html, a page about the last run
	@movierec report

tune: dev  ## Search for better params on validation data; resumable (TRIALS=60 in total)
	@PYTHONPATH=src python -m movierec.experiments.tuning --trials $(TRIALS)

browser:  ## Install Chromium for the tests of web pages (Debian, as root)
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation)

quick: dev  ## Run the unit tests (2 minutes)
	python -m pytest -m 'not faults and not slow'

test: dev  ## Run all tests except the fault tests (8 minutes)
	python -m pytest

test-faults: dev  ## Test kills, full disks, lost workers and two runs at once (15 minutes)
	python -m pytest -m faults --dist worksteal tests/faults $(FAULTS)

lint: dev  ## Run the linters: style, format, types, import rules, workflows
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	actionlint

check: lint test coverage  ## Run all checks that must pass before a commit

coverage: dev  ## Measure the test coverage of the kernels, run as plain Python
	NUMBA_DISABLE_JIT=1 coverage run -m pytest -n 0 -k 'not converged and not never_rises' \
		tests/kernels tests/model/test_features.py tests/recommending/test_rankers.py \
		tests/evaluation/test_item_knn.py
	coverage report

bench: dev  ## Compare the speed of training and lists with other packages, on data of ml-25m's size (minutes)
	python -m benchmarks.speed.run

peers:  ## Create .venv-peers with the packages for `make compare` (large)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install -q -e '.[pipeline]' -r benchmarks/peers/requirements.txt

compare: dev  ## Compare errors and rankings with other packages, each tuned; resumable (an hour)
	PYTHONPATH=src $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.quality.run
	PYTHONPATH=src $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.quality.rankings

side-by-side: dev  ## Run the same jobs in movierec, LensKit and implicit, the latter two after make peers (a minute)
	PYTHONPATH=src OPENBLAS_NUM_THREADS=1 $(or $(wildcard .venv-peers/bin/python),python) -m benchmarks.side_by_side.run

bench-smoke: dev  ## Run the speed benchmark on small data
	python -m benchmarks.speed.run --smoke --out /tmp/movierec-bench

bench-pipeline: dev  ## Measure time and memory of the full pipeline, on data of ml-25m's size (minutes)
	python -m benchmarks.speed.pipeline
	python -m benchmarks.speed.pipeline --committed

bench-api: dev  ## Compare fit from Python with the training stages, on ml-100k and 1 million generated ratings (a minute)
	python -m benchmarks.speed.python_api

page: env  ## Build the page template of dvc plots show from .dvc/plots/source.html
	python .dvc/plots/renew.py

notebooks: dev  ## Run the notebooks and store their outputs, after a run of the pipeline
	python notebooks/execute.py

docs: dev  ## Update the generated parts of docs/user-guide, after a run of the pipeline
	PYTHONPATH=. python docs/user-guide/generate.py
	python docs/user-guide/generate_reference.py

format: dev  ## Format the code
	ruff check --fix .
	ruff format .

lock: dev  ## Update requirements*.lock, after changing the dependencies in pyproject.toml
	$(compile) pyproject.toml --extra pipeline -o requirements.lock
	$(compile) pyproject.toml --extra pipeline --extra dev -c requirements.lock -o requirements-dev.lock
	$(compile) --group setup -o requirements-setup.lock

compile = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url

clean:  ## Delete the environment and all outputs (but not data/archives)
	rm -rf .venv .venv-peers data/raw data/index data/split data/evaluation models exports .checkpoints
	rm -rf benchmarks/results/.compare dvc_plots report.html .dvc/cache .dvc/tmp
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
	find src stages tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
