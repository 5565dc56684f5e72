# Each target sets itself up: a virtual environment in .venv with pinned dependencies.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help audit test lint docs bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/.created:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "FaceBone needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.product: .venv/.created pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

.venv/.development: .venv/.created pyproject.toml constraints.txt
	$(PIP) -e '.[dev,dlib,docs,demo]'
	@touch $@ .venv/.product

audit: .venv/.product  ## audit three verifiers on synthetic faces; nothing to download
	@$(BIN)/facebone audit --config examples/first_audit.toml --out runs/first

lint: .venv/.development  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint  ## style, types and all tests
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

docs: .venv/.development  ## the documentation as pages, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo site/index.html

bench: .venv/.development  ## the slow studies; results go to benchmarks/results/
	$(BIN)/python -m benchmarks

clean:  ## remove the environment and what tools left behind
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis site
