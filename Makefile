# Every target sets itself up in .venv from nothing but Python 3.11, make and git.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/sh

.PHONY: demo test browser test-browser lint format bench reproduce clean clean-kernels
.DEFAULT_GOAL := demo

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "marketic needs Python >= 3.11: make PYTHON=python3.11"; exit 1; }
	@echo "setting up .venv (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,tensorboard]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[box2d]' \
	  || echo "box2d did not install (it may need swig): going on without LunarLander"
	@touch $@

demo: .venv/ready
	@$(BIN)/marketic demo --out runs/demo

test: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal

BROWSER = { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null

# a headless Chromium for the tests, where apt may install one
browser: .venv/ready
	@$(BROWSER) || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 \
	  || echo "no browser here, so its tests will not run: apt-get install chromium"

# the report and the live page in Chromium; says so in one line where there is none
test-browser: browser
	@if $(BROWSER); then $(BIN)/python -m pytest tests/browser -rs; fi

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready
	$(BIN)/marketic bench engine
	$(BIN)/marketic bench mechanisms
	$(BIN)/marketic bench seeing
	$(BIN)/marketic bench learning

# every experiment, then the learning bench; goes on after a missed bar, and fails at the end if there was one
reproduce: .venv/ready
	@$(BIN)/python -m pip install --quiet scikit-learn torch || echo "no scikit-learn or torch: going on without their rows"
	@missed=0; for name in $$($(BIN)/marketic list experiments | cut -d' ' -f1); do \
	  $(BIN)/marketic reproduce $$name || missed=1; done; \
	$(BIN)/marketic bench learning || missed=1; exit $$missed

clean-kernels:
	find . -name '*.nb[ic]' -not -path './.venv/*' -delete

clean:
	rm -rf .venv build dist *.egg-info runs
