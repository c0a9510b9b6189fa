# Everything runs in .venv, made on first use from PYTHON (3.11 or newer): `make PYTHON=python3.12 test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check
PACK   := policies/export_control
ASKED  := $(PACK)/scenarios.jsonl

# Stamps: what is installed, and since when. An editable install serves every target; a plain one only the demo.
MADE     := $(VENV)/made
PLAIN    := $(VENV)/plain
EDITABLE := $(VENV)/editable
TOOLS    := $(VENV)/tools
SHIPPED  := $(shell find abac grammar -name '*.py' -o -name '*.lark' -o -name '*.json' -o -name py.typed)

.PHONY: help demo test test-long bench tables lint clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo       check, decide and explain the export control pack'
	@echo 'make test       run the tests'
	@echo 'make test-long  run the tests that take minutes or the network'
	@echo 'make bench      time decisions against hand-written Python; never fails by a time'
	@echo 'make tables     make the tables of the grammar anew, after a change of grammar/abac.lark'
	@echo 'make lint       ruff and mypy'
	@echo 'make clean      remove .venv and what the tools left behind'

demo: $(PLAIN)
	@echo '$$ abac check $(PACK)'
	@$(BIN)/abac check $(PACK)
	@echo; echo '$$ abac decide $(PACK) --requests $(ASKED) --format text'
	@$(BIN)/abac decide $(PACK) --requests $(ASKED) --format text
	@echo; echo '$$ abac explain $(PACK) --requests $(ASKED) --id S38'
	@$(BIN)/abac explain $(PACK) --requests $(ASKED) --id S38

test: $(EDITABLE)
	@$(BIN)/python -m pytest -n 2

test-long: $(EDITABLE)
	@$(BIN)/python -m pytest -n 2 -m long

bench: $(EDITABLE)
	@$(BIN)/python -m benches --write

tables: $(TOOLS)
	@$(BIN)/python grammar/tables.py

lint: $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict abac grammar/tables.py

clean:
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@command -v '$(PYTHON)' >/dev/null || { echo 'abac needs Python 3.11 or newer, and there is no `$(PYTHON)` here. Another one? make PYTHON=/path/to/python' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "abac needs Python 3.11 or newer, and \`$(PYTHON)\` is $$('$(PYTHON)' --version 2>&1). Another one? make PYTHON=python3.12" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo 'making $(VENV) …'
	@'$(PYTHON)' -m venv --clear $(VENV)
	@touch $@

$(PLAIN): $(MADE) pyproject.toml $(SHIPPED)
	@if [ ! -f $(EDITABLE) ] || [ pyproject.toml -nt $(EDITABLE) ]; then \
		echo 'installing abac …'; rm -f $(EDITABLE) $(TOOLS); $(PIP) install .; fi
	@touch $@

$(EDITABLE): $(MADE) pyproject.toml
	@echo 'installing abac for development …'
	@$(PIP) install --editable '.[test]'
	@touch $@

$(TOOLS): $(EDITABLE)
	@echo 'installing the development tools …'
	@$(PIP) install --editable '.[test,dev]'
	@touch $@
