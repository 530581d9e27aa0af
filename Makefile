# Needs GNU make, Python 3.11 with venv and pip, and nothing else. `make` lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
GRAPHS := results/graphs
MEASURED := results/benchmarks/measured
PLANNED := results/plan
CONFIG ?= config/full.yaml
RECORDS ?= results
DIRECTORY ?= .
SIZES ?= {}
SOAKED := results/benchmarks/soak
RUNS ?= 12
KILLS ?= 5
SEED ?= 1
SMK := Snakefile rules
DRAW := $(BIN)/python -m scripts.common.draw_graph --snakefile Snakefile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo plan progress test gate lint format dag bench bench-setup bench-peers bench-million bench-retrieval slurm-test lock clean check-python slurm-long $(GRAPHS)/rules.svg docs/figures/rules.svg soak fault-sweep

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 14

check-python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and no python3 was found; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed, but $(PYTHON) is $$("$(PYTHON)" -V 2>&1); set PYTHON=/path/to/python3.11" >&2; exit 1; }

# $(1) begins the message. Clearing a linked folder would empty the one behind it.
refuse_link = test ! -L $(VENV) || { echo "$(1) $(VENV) is a link to an environment that others may use; install into that one, or remove the link" >&2; exit 1; }

# The stamp is written last, so an interrupted installation starts again from an empty folder.
# `-qq` leaves pip's errors and hides its notes about indexes that it looked at in vain.
$(READY): requirements.lock | check-python
	@$(call refuse_link,setup: requirements.lock is newer and)
	@echo "setup: installing $$(grep -c == requirements.lock) packages into $(VENV), about two minutes"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@touch $@

setup: $(READY) ## make .venv from requirements.lock
	@echo "setup: $(VENV) is ready (. $(BIN)/activate)"

# Separate invocations, because only separate ones let an unchanged small file stop a rerun.
demo: $(READY) ## run the embedded default to the report
	@$(BIN)/snakemake --quiet host rules -- corpus
	@$(BIN)/snakemake --quiet host rules -- language_model
	@$(BIN)/snakemake --quiet host rules
	@echo "demo: made the datasets under results/corpus/, the models under results/language_model/, classifiers under results/classification/, the descriptors under results/descriptors/, retrievers under results/retrieval/ and results/report/index.html (open it in a browser)"

# SIZES='{"hplt": 20329632}' says what a config does not: documents of a source, rows, molecules, texts.
# DIRECTORY is where the run will stand, where relative paths of the config are looked up.
plan: $(READY) ## estimate what CONFIG=config/full.yaml costs, by the records of RECORDS=results
	@mkdir -p $(PLANNED)
	@$(BIN)/python -m scripts.common.estimate_costs --config $(CONFIG) --directory $(DIRECTORY) --records $(RECORDS) --sizes '$(SIZES)' --table $(PLANNED)/$(basename $(notdir $(CONFIG))).tsv --page $(PLANNED)/$(basename $(notdir $(CONFIG))).md

progress: $(READY) ## watch the run whose results are in results/, until it ends
	@$(BIN)/python -m scripts.common.show_progress

test: $(READY) ## check everything that needs neither SLURM nor a GPU
	@$(MAKE) --no-print-directory gate
	@echo "test: format, lint, types, configs, workflow lint and tests passed in $(VENV)"

# Each process begins with half of the tests in their order, so that modules share what they prepare,
# and takes over from the other one at the end. Where one crashes, its test fails and another goes
# on; under pytest-xdist 3.8's loadgroup that would wait for ever, and marks of groups do nothing.
gate: lint
	@echo "gate: tests"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slurm and not gpu"

lint: $(READY) ## check format, style, types, configs and rules
	@echo "gate: format"
	@$(BIN)/snakefmt --check $(SMK)
	@$(BIN)/ruff format --quiet --check .
	@echo "gate: style"
	@$(BIN)/ruff check --quiet .
	@echo "gate: types"
	@$(BIN)/mypy --no-error-summary
	@echo "gate: configs"
	@$(BIN)/python -m scripts.common.check_config $(filter-out config/schema.yaml,$(wildcard config/*.yaml tests/config/*.yaml))
	@echo "gate: rules"
	@$(BIN)/snakemake --lint

format: $(READY) ## rewrite the sources in the house's format
	@$(BIN)/snakefmt $(SMK)
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

dag: $(GRAPHS)/rules.svg ## draw the rule graph and the job graph
	@$(BIN)/snakemake --forceall --dag dot | $(DRAW) --across --most-width 3000 --graph $(GRAPHS)/jobs.svg
	@echo "dag: made $(GRAPHS)/rules.svg and $(GRAPHS)/jobs.svg"

# A file that lies there says nothing of the rules that have changed since.
docs/figures/rules.svg $(GRAPHS)/rules.svg: $(READY)
	@$(BIN)/snakemake --forceall --rulegraph dot | $(DRAW) --graph $@

# Alone on the machine, or the rates say little. Results: $(MEASURED)/*.md, kept by hand in
# tests/benchmarks/RESULTS.md.
bench: $(READY) ## measure speed and memory on DOCUMENTS="a.parquet b.parquet" (columns id and text)
	@test -n "$(DOCUMENTS)" || { echo "bench: name Parquet files with the columns id and text: make bench DOCUMENTS=\"a.parquet b.parquet\"" >&2; exit 1; }
	@mkdir -p $(MEASURED)
	@$(BIN)/python -m tests.benchmarks.bench_scoring --documents $(DOCUMENTS) --folder $(MEASURED)/scoring --table $(MEASURED)/scoring.md
	@$(BIN)/python -m tests.benchmarks.bench_global_steps --rows 1000000 --folder $(MEASURED)/global_1m --table $(MEASURED)/global_1m.md
	@$(BIN)/python -m tests.benchmarks.bench_global_steps --rows 5000000 --folder $(MEASURED)/global_5m --table $(MEASURED)/global_5m.md
	@$(BIN)/python -m tests.benchmarks.bench_memory --documents $(DOCUMENTS) --folder $(MEASURED)/memory --table $(MEASURED)/memory.md
	@echo "bench: made the tables in $(MEASURED)/"

# The lock's versions stay as they are: the peers come beside them, and are no part of it.
bench-setup: $(READY) ## install the peers that the descriptors' benchmarks compare with
	@"$(PYTHON)" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' > $(VENV)/bench.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c requirements.lock -r $(VENV)/bench.txt

bench-peers: bench-setup ## measure the descriptors' passes against their peers on TABLE="folder/*.parquet"
	@test -n "$(TABLE)" || { echo "bench-peers: name Parquet files of descriptors: make bench-peers TABLE=\"folder/*.parquet\"" >&2; exit 1; }
	@mkdir -p $(MEASURED)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_descriptors --table "$(TABLE)" --output $(MEASURED)/descriptors.md
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_dependence --large-rows 24576 --table $(MEASURED)/dependence.md
	@echo "bench-peers: made the tables in $(MEASURED)/"

bench-retrieval: bench-setup ## measure the clustered memory against its peers on SESSIONS=results/retrieval/sessions ENCODER=folder
	@test -n "$(SESSIONS)" -a -n "$(ENCODER)" || { echo "bench-retrieval: name the sessions' folder and an encoder: make bench-retrieval SESSIONS=results/retrieval/sessions ENCODER=results/retrieval/encoder" >&2; exit 1; }
	@mkdir -p $(MEASURED)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_clusters --table $(MEASURED)/clusters.md
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_prototypes --sessions "$(SESSIONS)" --encoder "$(ENCODER)" --table $(MEASURED)/prototypes.md
	@echo "bench-retrieval: made the tables in $(MEASURED)/"

bench-million: $(READY) ## measure the descriptors' passes on a million rows made from TABLE="folder/*.parquet" (15 GB of disk)
	@test -n "$(TABLE)" || { echo "bench-million: name Parquet files of descriptors: make bench-million TABLE=\"folder/*.parquet\"" >&2; exit 1; }
	@mkdir -p $(MEASURED)
	@$(BIN)/python -m tests.benchmarks.bench_million --table "$(TABLE)" --folder $(MEASURED)/million

# What is killed and when hangs on SEED; results: $(SOAKED)/soak.json and kills.tsv.
soak: $(READY) ## kill steps and Snakemake at random in RUNS=12 runs (KILLS=5 each, SEED=1) and compare the bytes
	@$(BIN)/python -m tests.workflow.soak --runs $(RUNS) --kills $(KILLS) --seed $(SEED) --folder $(SOAKED)

fault-sweep: $(READY) ## run a job of every rule on a full disk, and with each input file damaged (root, for a small disk)
	@$(BIN)/python -m tests.workflow.fault_sweep --folder $(SOAKED)/sweep

slurm-test: $(READY) ## run the short tests on a SLURM of their own (root, slurm-wlm and munge)
	@$(BIN)/python -m pytest -q -m "slurm and not slurm_long" --durations 0 --durations-min 1 tests/slurm

slurm-long: $(READY) ## run all five tracks, and the longer faults, on a SLURM of their own (about 40 minutes)
	@$(BIN)/python -m pytest -q -m slurm_long --durations 0 --durations-min 1 tests/slurm

# `+cpu` and the like name one machine's build of a version, which is no part of a pin.
lock: | check-python ## pin anew what pyproject.toml asks for
	@$(call refuse_link,lock:)
	@"$(PYTHON)" -m venv --clear $(VENV)
	@"$(PYTHON)" -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*p["dependencies"], *p["optional-dependencies"]["test"], "setuptools<82", sep="\n")' > $(VENV)/direct.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r $(VENV)/direct.txt
	@$(BIN)/python -m pip freeze --all --exclude pip | sed -E 's/\+.*//' | LC_ALL=C sort -f > requirements.lock
	@touch $(READY)
	@echo "lock: requirements.lock pins $$(grep -c == requirements.lock) packages"

clean: ## remove results and Snakemake's records of them
	@rm -rf results .snakemake
