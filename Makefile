# MetaHub's commands. Each makes what it needs first, once: a .venv of its own, from the lock.
.DEFAULT_GOAL := help
.PHONY: help install run demo test test-fast newer-clients tables screenshots fuzz faults soak bench bench-flows lint format lock clean

BIN := .venv/bin
# Where bytecode may not be kept, every worker of the tests compiles all of them, time and again.
unexport PYTHONDONTWRITEBYTECODE
# One more worker than there are cores, for many of these tests wait.
PYTEST_ASIDE = $(BIN)/pytest --ignore tests/e2e --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1))
# A file at a time on each core, so that what it starts once is started once.
PYTEST_BESIDE = $(BIN)/pytest tests/e2e --dist loadfile --numprocesses $$(getconf _NPROCESSORS_ONLN)
LOCKED := --only-binary :all: --require-hashes --requirement
COMPILE = .venv/lock/bin/uv pip compile --quiet --universal --python-version 3.12 \
	--generate-hashes --custom-compile-command 'make lock' $(UPGRADE) pyproject.toml --group build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

install: .venv/.run ## make .venv/bin/metahub

run: .venv/.run ## serve, with config.yaml and the rules of metahub_rules/
	@$(BIN)/metahub serve

demo: .venv/.run ## show the main job: one name, four machine types, four builds
	@$(BIN)/metahub demo

test: .venv/.dev ## all tests, real clients and registries too (root on Debian: installs what they need)
	@.ci/debian-parts
	$(PYTEST_ASIDE) --cov --cov-report=
	$(PYTEST_BESIDE) --cov --cov-append --cov-fail-under=90
	@$(ALL_OF_CORE_AND_RULES)

test-fast: .venv/.dev ## the tests that need no Debian package, on all cores, without coverage
	$(PYTEST_ASIDE) -m 'not e2e'

newer-clients: .venv/.dev ## unpack newer clients for the tests: docker, containerd, podman, crane... (root on Debian)
	@.ci/newer-clients

tables: newer-clients ## try every client, and write what came out into README.md and docs/clients.md
	$(BIN)/pytest tests/e2e/matrix --write-tables

screenshots: .venv/.dev ## take the picture of mitmweb in docs/images anew, while clients pull (root on Debian, with chromium)
	@.ci/debian-parts
	$(BIN)/pytest tests/e2e/tools/test_browser.py --write-screenshots -k picture

fuzz: .venv/.dev ## try what comes from outside with many examples (METAHUB_EXAMPLES=100000; minutes for each property)
	METAHUB_EXAMPLES=$${METAHUB_EXAMPLES:-20000} $(BIN)/pytest tests/fuzz --verbose --timeout 0 \
		--numprocesses $$(getconf _NPROCESSORS_ONLN) --hypothesis-show-statistics

faults: .venv/.dev ## kill the proxy in the midst of 50 pulls, and try all other faults (root on Debian: installs what they need)
	@.ci/debian-parts
	METAHUB_KILLS=$${METAHUB_KILLS:-50} $(BIN)/pytest --verbose tests/e2e/faults \
		tests/proxy/test_broken_upstreams.py tests/proxy/test_rules_under_load.py

soak: .venv/.run ## serve mixed load for ten minutes (SECONDS=600), and see whether memory grows
	@$(BIN)/python benchmarks/soak.py $(or $(SECONDS),600)

bench: .venv/.run ## measure MetaHub beside other proxies, and write benchmarks/RESULTS.md (bench-cold and so on: one part)
	@$(BIN)/python -m benchmarks

bench-flows: .venv/.run ## the memory of mitmweb by the number of requests, with and without a limit of the flows it keeps
	@$(BIN)/python benchmarks/flows.py

bench-%: .venv/.run
	@$(BIN)/python -m benchmarks $*

lint: .venv/.dev ## ruff, mypy, and whether the lock fits pyproject.toml
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pip check

format: .venv/.dev ## put the code into shape
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

lock: .venv/.run ## lock what pyproject.toml asks for (UPGRADE=--upgrade: the newest of everything)
	@.ci/pip --upgrade --target .venv/lock uv
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove what make made
	rm -rf .venv addons/metahub.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Says nothing when all is covered, so that pytest's summary stays the last line.
ALL_OF_CORE_AND_RULES = report=$$($(BIN)/coverage report --fail-under=100 \
	--include='addons/metahub/core/*,addons/metahub/rules/*') || { echo "$$report"; false; }

# A stamp is written last: a step that was interrupted has none, and starts over.
.venv/.packages: requirements.lock
	@.ci/venv
	@.ci/pip $(LOCKED) requirements.lock
	@touch $@

.venv/.run: .venv/.packages pyproject.toml
	@.ci/pip --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	@.ci/pip $(LOCKED) requirements-dev.lock
	@touch $@
