# bnviz: `make` lists what there is. PYTHON=python3.12 chooses the interpreter; ARGS="..." is passed on.
PY := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test load-test check bench screenshots gallery clean setup-run setup-test
MAKEFLAGS += --no-print-directory

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup-run ## start the app (installs what it needs on first use); ARGS="--server.port 8502", or "--server.address 0.0.0.0" for all
	@exec $(PY) -m streamlit run app.py $(ARGS)

test: check ## check, then all tests but those of load-test (installs what it needs on first use); ARGS="-k record"
	$(PY) -m pytest -n 2 --dist loadfile -m "not slow and not browser" $(ARGS)
	$(PY) -m pytest -m "browser and not slow" $(ARGS) || [ $$? = 5 ] # by themselves, as a person would look; 5: ARGS leaves none

load-test: setup-test ## what takes minutes: sessions on a real app, machines that come and go
	$(PY) -m pytest -m slow $(ARGS)

check: setup-test ## formatting, style, types and layers; no tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()'

bench: setup-run ## what measuring and memory cost, in about 12 minutes; writes docs/benchmarks.*; ARGS="--pairs 21"
	$(PY) -m benchmarks.report $(ARGS)

screenshots: setup-test ## take the pictures of the pages anew
	$(PY) -m scripts.screenshots $(ARGS)

gallery: setup-run ## train the runs that ship with the app anew
	$(PY) -m bnviz gallery build $(ARGS)

clean: ## remove caches and test results; .venv stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
	find . -name .venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

setup-run setup-test:
	@sh scripts/setup.sh $(@:setup-%=%)
