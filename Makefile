# make demo | make test | make format
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test format check-python

demo: $(VENV)/.installed
	$(BIN)/posse track assets/sample.mp4 -o out
	@echo "Look at out/sample.mp4; the tracks are in out/sample.json and out/sample.csv"

test: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The other kind of editable install searches for our packages anew at every start, for 10 ms.
EDITABLE := --config-settings editable_mode=compat

# The CPU build of torch first: a plain `torch` on Linux brings several GB of CUDA packages.
# A GPU machine has its own torch: `make TORCH= demo` leaves the choice to pip.
TORCH ?= torch==2.13.0

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Posse needs Python 3.11 or newer; name one with 'make PYTHON=/path/to/python3 ...'"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing: on Debian and Ubuntu, 'apt-get install python3-venv'"; exit 1; }

$(VENV)/.torch: | check-python
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH),$(BIN)/python -m pip install -q --disable-pip-version-check $(TORCH),)
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check $(EDITABLE) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check $(EDITABLE) -e ".[test]"
	@touch $@ $(VENV)/.installed
