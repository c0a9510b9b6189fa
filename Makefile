# Everything runs in .venv, made on first use from PYTHON (3.11 or newer): `make PYTHON=python3.12 test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check
PEERS  := .venv-peers
PACK   := policies/export_control
ASKED  := $(PACK)/scenarios.jsonl
RUNS   := .benchmarks

# Stamps: what is installed, and since when. An editable install serves every target; a plain one only the demo.
MADE     := $(VENV)/made
PLAIN    := $(VENV)/plain
EDITABLE := $(VENV)/editable
TOOLS    := $(VENV)/tools
SHIPPED  := $(shell find abac grammar -name '*.py' -o -name '*.lark' -o -name '*.json' -o -name py.typed)
BENCHING := $(VENV)/benching

.PHONY: help demo test test-long count count-baseline bench bench-history bench-peers tables lint clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo       check, decide and explain the export control pack'
	@echo 'make test       run the tests'
	@echo 'make test-long  run the tests that take minutes or the network'
	@echo 'make count      count the instructions of fixed inputs under valgrind; fails beyond 5 % growth'
	@echo 'make count-baseline  record what is counted; REASON="…" where a count rises, in a commit of its own'
	@echo 'make bench      time decisions against hand-written Python; never fails by a time'
	@echo 'make bench-history  time the packs with pytest-benchmark, and show this run beside those before'
	@echo 'make bench-peers  time other engines too, in $(PEERS); takes half an hour'
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
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-long: $(EDITABLE)
	@$(BIN)/python -m pytest -n 2 -m long

count: $(EDITABLE)
	@$(BIN)/python -m benches.instructions
	@$(BIN)/python -m benches.instructions.history

count-baseline: $(EDITABLE)
	@$(BIN)/python -m benches.instructions --record --reason "$$REASON"

bench: $(BENCHING)
	@$(BIN)/python -m benches --write

bench-history: $(EDITABLE)
	@$(BIN)/python -m pytest benches -q -p no:xdist -o python_files='bench_*.py' -o python_functions='bench_*' \
		--benchmark-autosave --benchmark-storage=$(RUNS) --benchmark-disable-gc --benchmark-max-time=0.5 --benchmark-quiet
	@$(BIN)/py.test-benchmark --storage=$(RUNS) compare --group-by=fullname --sort=name --columns=median,iqr,rounds --csv=$(RUNS)/history

tables: $(TOOLS)
	@$(BIN)/python grammar/tables.py

bench-peers: $(PEERS)/made
	@$(PEERS)/bin/python -m benches.peers --write

lint: $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict abac grammar/tables.py

clean:
	@rm -rf $(VENV) $(PEERS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
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

# Dependency groups (PEP 735) need pip 25.1; venv brings the pip of its Python.
$(BENCHING): $(EDITABLE)
	@echo 'installing the tools of benches …'
	@$(PIP) install 'pip>=25.1' && $(PIP) install --group bench
	@touch $@

# Other engines live apart, with this one beside them. OPA's bindings ask for a later Python than they need; where there is no wheel for
# the platform at all, the run reports that it is not installed.
$(PEERS)/made: pyproject.toml
	@echo 'making $(PEERS) …'
	@'$(PYTHON)' -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip -qq --disable-pip-version-check install 'pip>=25.1'
	@$(PEERS)/bin/python -m pip -qq --disable-pip-version-check install --editable . --group bench --group peers
	@$(PEERS)/bin/python -m pip -qq --disable-pip-version-check install --no-deps --ignore-requires-python --group opa || \
		echo 'the bindings of OPA cannot be installed here; the others are measured without them' >&2
	@touch $@
