# Every target does its own set-up: a virtual environment with pinned packages, made once and again when the pins change.
PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?= .local
LAMBDA_PYTHON ?= 3.13
LAMBDA_ARCH ?= x86_64
WORKERS ?= 3
VENV := .venv
PY := $(VENV)/bin/python
INFRA_VENV := .venv-infra
export PORT DATA_DIR

.PHONY: run demo test test-all check lint types contracts docs template checkov migrate bench chaos package install clean

run: install
	@exec $(PY) -m local run

demo: install
	@$(PY) -m local demo

# Three at once also on two cores, since tests wait for much; one Postgres has no connections for many more.
test: install
	$(PY) -m pytest -n $(WORKERS) --dist worksteal

test-all: install
	$(PY) -m pytest -n $(WORKERS) --dist worksteal --all

check: lint types contracts checkov test

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: install
	$(PY) -m mypy

contracts: install
	$(VENV)/bin/lint-imports

template: install $(INFRA_VENV)/lint/installed
	@$(PY) -m infra --template-only --out build/check
	$(INFRA_VENV)/lint/bin/python infra/translate.py build/check/template.json build/check/translated.json
	$(INFRA_VENV)/lint/bin/cfn-lint build/check/template.json build/check/translated.json

checkov: template $(INFRA_VENV)/checkov/installed
	$(INFRA_VENV)/checkov/bin/checkov -f build/check/template.json --framework cloudformation --compact --quiet --skip-download

docs: install
	@$(PY) -m local docs

migrate: install
	$(PY) -m local migrate

bench: install
	@$(PY) -m bench

package: install
	@$(PY) -m infra --python $(LAMBDA_PYTHON) --arch $(LAMBDA_ARCH)

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

# What checks the template wants other versions than the project, and each of them others than the other.
$(INFRA_VENV)/%/installed: infra/requirements-%.txt
	@echo "installing $* for the template into $(INFRA_VENV) (once)"
	@$(PYTHON) -m venv $(INFRA_VENV)/$*
	@$(INFRA_VENV)/$*/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

clean:
	rm -rf $(VENV) $(INFRA_VENV) build .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
