# Every target does its own set-up: a virtual environment with pinned packages, made once and again when the pins change.
PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?= .local
VENV := .venv
PY := $(VENV)/bin/python
export PORT DATA_DIR

.PHONY: run demo test test-all check lint types contracts docs migrate bench chaos install clean

run: install
	@exec $(PY) -m local run

demo: install
	@$(PY) -m local demo

test: install
	$(PY) -m pytest

test-all: install
	$(PY) -m pytest --all

check: lint types contracts test

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: install
	$(PY) -m mypy

contracts: install
	$(VENV)/bin/lint-imports

docs: install
	@$(PY) -m local docs

migrate: install
	$(PY) -m local migrate

bench: install
	@$(PY) -m bench

chaos: install
	@$(PY) -m bench.chaos

install: $(VENV)/installed

$(VENV)/installed: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Name another with PYTHON=...")'
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { \
		echo "no virtual environment could be made in $(VENV): $(PYTHON) lacks venv or pip (Debian, Ubuntu: install python3-venv)" >&2; \
		exit 1; }
	@echo "installing packages into $(VENV) (once)"
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements-dev.txt -e .
	@touch $@

clean:
	rm -rf $(VENV) .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
