# Every target sets itself up: a virtual environment in .venv from the lock file, and nothing else installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= build/qualification
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup qualify test check docs bench gateware lock clean

help: ## Say what each target does
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Python %d.%d found, but 3.11 or newer is needed: make PYTHON=python3.12 ..." % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "This Python cannot make virtual environments: install its venv package (Debian: python3-venv)."; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Compiling the kernels of signals and line code, once"
	@$(BIN)/ltdb eye --simulate 2000 --no-plot >/dev/null
	@$(BIN)/ltdb link --frames 100 >/dev/null
	@touch $@

setup: $(READY) ## Make .venv from the lock file
	@for tool in $${CXX:-g++} make perl; do command -v $$tool >/dev/null || { echo "$$tool is missing: the simulations are compiled with it (Debian: apt-get install g++ make perl)."; exit 3; }; done

qualify: setup ## Run the full qualification on the embedded simulated bench
	$(BIN)/ltdb qualify --out $(OUT)

test: setup ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

check: setup ## ruff, mypy, import-linter, packaging, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p build
	$(BIN)/python -m build --no-isolation --outdir build/dist . >build/packaging.log 2>&1 || { cat build/packaging.log; exit 1; }
	$(MAKE) docs
	$(BIN)/python -m pytest -q -n 2 -p no:cacheprovider tests/docs

docs: setup ## Build the documentation in build/docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

bench: setup ## Measure speed, as ratios within one run, and renew the accuracy table
	@mkdir -p build
	$(BIN)/ltdb bench accuracy --json >build/accuracy.json && cp build/accuracy.json docs/accuracy.json
	$(BIN)/ltdb bench

gateware: setup ## Build the board controller for an ECP5 (several minutes)
	$(BIN)/ltdb gateware build

lock: ## Renew requirements.lock (needs uv)
	uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --quiet --upgrade -o requirements.lock pyproject.toml

clean: ## Remove what was built
	rm -rf build .venv
