# Two commands do everything: `make demo` and `make test`.
PYTHON := .venv/bin/python
RECIPE ?= digits-dscnn
JOBS ?= 2
WITH_DATA = $(if $(DATA),--data-dir $(DATA))
WITH_MODELS = $(if $(MODELS),--models $(MODELS))

.PHONY: help setup demo check test test-all golden docs tune mutants bench bench-ram bench-energy ci

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

setup: .venv/.ready .venv/.boards ## Install Python packages into .venv, compilers and emulators

.venv/.ready: pyproject.toml scripts/setup
	@scripts/setup

.venv/.boards: .venv/.ready
	@scripts/setup boards

demo: .venv/.ready ## Train a network, run it on an emulated microcontroller (RECIPE=digits-dscnn)
	@.venv/bin/ascua demo $(RECIPE) $(WITH_DATA)

check: setup ## Format, lint, types, layers, generated pages
	@$(PYTHON) scripts/check.py

test: setup check ## The tests; what takes minutes is left to test-all
	@$(PYTHON) -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not slow"

test-all: setup check ## Every test
	@$(PYTHON) -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder

golden: setup ## Make the golden files anew: their difference is what to review
	@$(PYTHON) -m tests.support.golden_files

docs: setup ## Write the generated pages: operators, boards, results, options of the verbs
	@$(PYTHON) -m scripts.pages

tune: setup ## Measure what kernels cost on emulated cores (CORES=cortex-m4): some ten minutes each
	@$(PYTHON) -m tests.support.tune build/tune $(CORES)

mutants: setup ## Mutate kernels and operators (ONLY=files, JOBS=2): do the tests see it? Takes hours, resumable
	@$(PYTHON) -m scripts.mutants --jobs $(JOBS) $(ONLY)

bench: setup ## Measure the trained recipes, and the peers' networks in MODELS; takes minutes, resumable
	@.venv/bin/ascua bench $(WITH_MODELS) $(WITH_DATA)

bench-ram: setup ## Plan networks for the least RAM, and run them (MODELS as for bench)
	@$(PYTHON) -m scripts.ram $(or $(MODELS),$(error MODELS=folder says where ic.tflite and the others are)) build/ram

bench-energy: setup ## Estimate time and energy of MLPerf Tiny's networks in MODELS on chips
	@$(PYTHON) -m scripts.energy $(or $(MODELS),$(error MODELS=folder says where ic.tflite, kws.tflite, vww.tflite and ad.tflite are))

ci: ## What CI runs
	@bash .ci/run
