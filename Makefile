# make demo | make demo-parcel | make bench | make test | make check: each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo demo-parcel bench test test-slow check clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and 'simtransfer needs Python 3.10 or newer: make PYTHON=python3.11')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip<27"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: install
	$(BIN)/python -m experiments.driving_demo

demo-parcel: install
	$(BIN)/python -m experiments.parcel_demo

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
