# Everything one does with a checkout. `make help` lists it.
#
# 1. A fresh machine needs make, git and Python >= 3.11 with venv; the rest comes from PyPI and
#    npm into this folder. Node.js is taken from the machine if it is recent, else from PyPI.
# 2. Each step leaves a stamp, so that a second run does only what a change asks for.
# 3. Tests run against the wheel, unpacked in build/site, never against the source tree: what is
#    tested is what is shipped.

PORT    ?= 4711
DB      ?= collabkit.db
FOR     ?= 600
SEED    ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
SEED    := $(SEED)

VENV    := .venv
BIN     := $(VENV)/bin
STAMPS  := $(VENV)/stamps
SITE    := build/site
PAGE    := collabkit/relay/page
LOCK    := requirements-dev.lock
# Many tests wait for clients to give up or come back: more of them at a time than there are cores.
AT_ONCE ?= 3

# Tools of the environment come first, in recipes and in what tests start.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Keeps the working directory off sys.path in every Python below, so that `collabkit` is the wheel.
WHEEL_ENV := COLLABKIT_SITE=$(CURDIR)/$(SITE) PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(SITE)
PYTEST    := $(WHEEL_ENV) pytest

PAGE_SOURCES := $(shell find $(PAGE) -type f -not -path '*/node_modules/*' -not -path '*/dist/*')
SOURCES      := $(shell find collabkit -name '*.py' -o -name py.typed)
NPM_LOCKS    := $(shell find $(wildcard $(PAGE) tests examples benchmarks) -name package-lock.json -not -path '*/node_modules/*')
NPM_READY    := $(NPM_LOCKS:package-lock.json=node_modules/.package-lock.json)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test env runtime page node lint types contracts wheel unit interop browser \
        examples docs bench-smoke soak fuzz test-lowest lock format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "variables: PORT=$(PORT) DB=$(DB) PYTHON=python3.x AT_ONCE=n (test) SEED=n FOR=seconds (soak, fuzz)"

# Use

serve: runtime page ## run a relay on the SQLite file DB, at PORT
	@exec collabkit serve $(DB) --port $(PORT)

test: lint types contracts docs bench-smoke wheel $(NPM_READY) ## all that must hold before a change lands
	$(PYTEST) tests/hostile -m alone
	$(PYTEST) tests -m "not (alone or soak or fuzz)" -n $(AT_ONCE) --dist worksteal

# Environment

env: $(STAMPS)/dev ## the environment of a developer, in .venv

runtime: $(STAMPS)/runtime

$(STAMPS)/venv: tools/venv.sh
	@tools/venv.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: $(STAMPS)/venv pyproject.toml $(LOCK)
	@echo "installing collabkit into $(VENV)"
	@pip install -qq --constraint $(LOCK) --editable .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/runtime
	@echo "installing the tools of $(LOCK) into $(VENV)"
	@pip install -qq --requirement $(LOCK)
	@touch $@

node: $(STAMPS)/node ## Node.js and npm: the machine's own, or one from PyPI

$(STAMPS)/node: tools/node.py $(STAMPS)/venv
	@python tools/node.py
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json | $(STAMPS)/node
	@echo "npm ci in $*"
	@cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

page: build/page.stamp ## the browser page that the relay serves

build/page.stamp: $(PAGE_SOURCES) $(filter $(PAGE)/%,$(NPM_READY)) | $(STAMPS)/node
	cd $(PAGE) && npm run --silent build
	@mkdir -p build && touch $@

wheel: $(SITE)/.stamp ## the wheel, in dist/, and what it installs, in build/site

$(SITE)/.stamp: $(STAMPS)/dev build/page.stamp $(SOURCES) README.md CHANGELOG.md
	@rm -rf dist $(SITE)
	python -m build --no-isolation --outdir dist . > build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@pip install -qq --no-deps --target $(SITE) dist/*.whl
	@touch $@

lock: $(STAMPS)/venv ## renew requirements-dev.lock within the bounds of pyproject.toml
	@pip install -qq --constraint $(LOCK) uv
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --no-header --quiet --output-file $(LOCK)

# Proof, piece by piece

lint: $(STAMPS)/dev ## ruff: rules and format
	ruff check .
	ruff format --check .

format: $(STAMPS)/dev ## let ruff mend what it can
	ruff check --fix .
	ruff format .

types: $(STAMPS)/dev ## mypy, strict
	mypy

contracts: $(STAMPS)/dev ## import-linter: floors, pure cores, one importer of pycrdt
	lint-imports

unit: wheel ## tests that need neither Node.js nor a browser
	$(PYTEST) tests -m "not (alone or soak or fuzz)" -n $(AT_ONCE) --dist worksteal --ignore tests/interop --ignore tests/browser

interop: wheel $(NPM_READY) ## stock JavaScript clients against the relay
	$(PYTEST) tests/interop

browser: wheel $(NPM_READY) ## the page in a real browser
	$(PYTEST) tests/browser

docs: $(STAMPS)/dev ## the documentation, in docs/_build/html; a warning is an error
	sphinx-build -n -W --keep-going -q -b html docs docs/_build/html

bench-smoke: wheel ## one second of each benchmark, to see that they run
	$(WHEEL_ENV):$(CURDIR)/benchmarks python benchmarks/run.py --smoke

soak: wheel $(NPM_READY) ## hours in minutes: tests marked soak, for FOR seconds each
	COLLABKIT_SEED=$(SEED) COLLABKIT_FOR=$(FOR) $(PYTEST) tests -m soak --timeout $$(($(FOR) + 300))

fuzz: wheel ## tests marked fuzz, for FOR seconds each
	COLLABKIT_SEED=$(SEED) COLLABKIT_FOR=$(FOR) $(PYTEST) tests -m fuzz --hypothesis-seed $(SEED) --timeout $$(($(FOR) + 300))

test-lowest: $(STAMPS)/dev ## the unit tests with the oldest dependencies that pyproject.toml allows
	uv venv --quiet --clear .venv-lowest
	uv pip install -qq --python .venv-lowest --resolution lowest-direct --editable '.[test]'
	.venv-lowest/bin/pytest tests/crdt tests/store tests/access tests/sync tests/sessions tests/relay tests/cli

clean: ## remove what was built; .venv and node_modules stay
	rm -rf build dist docs/_build $(PAGE)/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
