# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PROFILE ?= mini
PYTEST_ARGS ?= -n 2 --dist loadfile
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: help env book pdf test lab lint clean

help:
	@echo "make book   environment, every notebook, the site (PROFILE=smoke|mini|paper, default mini)"
	@echo "make pdf    the site as one PDF, through Chromium: _build/book.pdf"
	@echo "make test   environment, every test"
	@echo "make lab    JupyterLab on the notebooks"
	@echo "make lint   ruff, check and format"
	@echo "make clean  remove what was built (_build/ and caches; .venv stays)"

env: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python lrm_core/cli/install.py
	@touch $@

book: $(STAMP)
	@$(BIN)/lrm reproduce --profile $(PROFILE)
	@$(BIN)/lrm site --profile $(PROFILE)

pdf: book
	@$(BIN)/lrm pdf --profile $(PROFILE)

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

lab: $(STAMP)
	$(BIN)/jupyter lab --notebook-dir notebooks

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf _build .pytest_cache .hypothesis .ruff_cache
	find lrm_core book tests -name __pycache__ -type d -prune -exec rm -rf {} +
