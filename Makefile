# What one does with this checkout; `make` lists it. Needs Python 3.11 or later, and nothing else.

PYTHON ?= python3
# More arguments for what a target runs: make test ARGS="-k linkage", make lock ARGS=--upgrade
ARGS ?=

ON_PATH := $(shell command -v uv 2>/dev/null)
UV := $(or $(ON_PATH),$(CURDIR)/.uv/bin/uv)
BOOTSTRAP := $(if $(ON_PATH),,.uv/bin/uv)

INSTALLED := .venv/.installed
PY := .venv/bin/python
# Small arrays are worked on faster by one thread, and two cores are soon oversubscribed.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST := $(ONE_THREAD) UV="$(UV)" $(PY) -m pytest
# What benchmarks saw is drawn into MEASUREMENTS.md, whether or not it is what was wanted.
BENCH = $(PYTEST) $(1) -s $(ARGS); status=$$?; $(PY) -m tests.benchmarks.measurements; exit $$status

# Nothing of the caller's: a PYTHONDONTWRITEBYTECODE has every process compile torch and the rest anew.
unexport PYTHONPATH VIRTUAL_ENV PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo browser test test-slow fuzz test-wheel check bench bench-gpu bench-peers power coverage verdicts systems delineator attackers lock format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## simulate a small hospital, scan it, say where the report is
	.venv/bin/auditor demo --out demo

test: $(INSTALLED) browser ## run the tests that take seconds, a file on each core
	$(PYTEST) -m "not slow and not network" --ignore=tests/benchmarks -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# The driver of the tests is a node of its own, which needs libatomic, whatever Chromium is there.
browser: $(INSTALLED) ## install what the tests of the page need, where it is missing and root may
	@missing() { \
	  for name in chromium chromium-browser google-chrome; do command -v $$name && break; done \
	    >/dev/null || echo chromium; \
	  $(PY) -m playwright --version >/dev/null 2>&1 || echo libatomic1; }; \
	packages=$$(missing); \
	if [ -n "$$packages" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$packages; } >/dev/null; \
	  packages=$$(missing); fi; \
	if [ -n "$$packages" ]; then \
	  echo "The tests of the page in a browser are skipped, for want of" $$packages >&2; fi

test-slow: $(INSTALLED) ## run the tests that take minutes
	$(PYTEST) -m "slow and not network" --ignore=tests/benchmarks $(ARGS)

fuzz: $(INSTALLED) ## read 10,000 broken and hostile files
	$(PYTEST) -m slow tests/test_fuzz.py -n auto $(ARGS)

test-wheel: $(INSTALLED) ## build the wheel, install it in an empty environment, run the demo there
	$(PYTEST) tests/test_install.py

check: $(INSTALLED) ## what CI runs: format, lint, types, tests, the wheel
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	@$(MAKE) test
	@$(MAKE) test-wheel

bench: $(INSTALLED) ## time it against its peers, and write MEASUREMENTS.md
	$(call BENCH,tests/benchmarks)

bench-gpu: $(INSTALLED) ## the benchmarks that need a GPU, TransECG's strips among them
	AUDITOR_DEVICE=cuda $(call BENCH,tests/benchmarks/test_gpu.py tests/benchmarks/test_transecg.py)

bench-peers: $(INSTALLED) | $(BOOTSTRAP) ## membership and identifiers beside other tools, in an environment of theirs (.peers)
	@test -x .peers/bin/python || "$(UV)" venv --quiet --python "$(PYTHON)" .peers
	"$(UV)" pip install --quiet --python .peers "sacroml==2.0.1" \
	  "adversarial-robustness-toolbox==1.20.1" "privacyguard-platform==0.0.2" "xgboost>=2.1" \
	  "presidio-analyzer==2.2.366"
	$(call BENCH,tests/benchmarks/test_peers.py tests/benchmarks/test_identifiers.py)

power: $(INSTALLED) ## how often planted leaks of models are found, and clean twins accused
	$(call BENCH,tests/benchmarks/test_power.py)

verdicts: $(INSTALLED) ## what the gate says of simulated releases beside the truth: hours, goes on where it stopped
	$(call BENCH,tests/benchmarks/test_verdicts.py)

systems: $(INSTALLED) ## every question to the twelve clinical systems: hours, goes on where it stopped
	$(call BENCH,tests/benchmarks/test_systems.py)

coverage: $(INSTALLED) ## how often intervals hold what is true: every estimate that a rule may name
	$(call BENCH,tests/benchmarks/test_coverage.py)

# The recordings it is taught on: LUDB, PTB-XL and MIT-BIH.
AUDITOR_DATA ?= ../shared/data
TEACH = OMP_NUM_THREADS=1 $(PY) -m auditor.training.delineator $(AUDITOR_DATA)

delineator: $(INSTALLED) ## teach the delineator again, and the five networks it is judged by
	$(TEACH) auditor/signal/delineator.safetensors
	for fold in 0 1 2 3 4; do \
	  $(TEACH) tests/benchmarks/folds/fold$$fold.safetensors --without $$fold || exit 1; done

ATTACK = OMP_NUM_THREADS=1 .venv/bin/auditor train attacker
IN = $(addprefix $(AUDITOR_DATA)/,$(1))

attackers: $(INSTALLED) ## teach the shipped attackers again, about half an hour each
	$(ATTACK) $(call IN,ptb-xl ludb mitdb cpsc2021) --out auditor/attackers/weights/general.safetensors
	$(ATTACK) $(call IN,ecgiddb ludb) --out auditor/attackers/weights/without-ptb-xl.safetensors

format: $(INSTALLED) ## put every file in the house's form
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

env: $(INSTALLED) ## make the environment .venv, and nothing more

lock: | $(BOOTSTRAP) ## resolve pyproject.toml anew; ARGS=--upgrade moves every version
	"$(UV)" pip compile --quiet --universal --python-version 3.11 --group dev --group bench --generate-hashes \
	  --custom-compile-command "make lock" --output-file requirements.lock $(ARGS) pyproject.toml

clean: ## remove what make made, environments included
	rm -rf .venv .uv .peers dist build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Only what the lock names is installed, and nothing is built but auditor itself, with the lock's hatchling.
$(INSTALLED): requirements.lock pyproject.toml | $(BOOTSTRAP)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "auditor needs Python 3.11 or later: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PY) -c '' 2>/dev/null || "$(UV)" venv --quiet --clear --python "$(PYTHON)" .venv
	"$(UV)" pip sync --quiet --python .venv --require-hashes --no-build requirements.lock
	@"$(UV)" pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

.uv/bin/uv:
	@"$(PYTHON)" -m venv .uv || \
	  { echo "uv is missing, and this Python cannot make an environment to put it in:" \
	    "install uv, or your system's python3-venv" >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet "uv>=0.5"
