# make demo | make demo-parcel | make bench | make test | make check: each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
# An index that has PyTorch's CPU build, where the default one has only that with CUDA, ten times as large.
TORCH_INDEX ?=
HOW_TO_USE := To use the command simtransfer in this shell: source .venv/bin/activate

SHELL := bash
.SHELLFLAGS := -o pipefail -c

.PHONY: install demo demo-parcel bench test test-slow check clean

install: .venv/installed

# pip's list of what it considers is left out, so that downloads and builds can be read.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and 'simtransfer needs Python 3.10 or newer: make PYTHON=python3.11')"
	@$(PYTHON) -c "import sys; sys.version_info < (3, 14) or print('Python 3.14 has no built PyBullet: it is compiled, which takes a C++ compiler and a quarter of an hour. With make PYTHON=python3.13 it is downloaded.')"
	@echo "1/3 Virtual environment in .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip<27"
	@echo "2/3 PyTorch"
	@$(PIP) --no-deps $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch==2.13.0
	@echo "3/3 simtransfer and 90 packages that it needs, one to three minutes"
	@$(PIP) --editable ".[dev]" | { grep --line-buffered -E "^ *(Downloading|Building wheel|Installing collected)" | cut -c 1-100 || true; }
	@touch $@
	@echo "Installed. $(HOW_TO_USE)"

demo: install
	@$(BIN)/python -m experiments.driving_demo
	@echo "$(HOW_TO_USE)"

demo-parcel: install
	@$(BIN)/python -m experiments.parcel_demo
	@echo "$(HOW_TO_USE)"

bench: install
	$(BIN)/simtransfer bench
	$(BIN)/simtransfer bench --task parcel --robot porter

test: install
	$(BIN)/python -m pytest -m "not slow"

test-slow: install
	$(BIN)/python -m pytest -m slow

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf .venv build *.egg-info
