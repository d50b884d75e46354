# mas, the Metrics & Alert Server. `make` lists what can be asked for; CMake does the building.

# The preset to build and test: release, debug, asan or tsan (see CMakePresets.json).
PRESET ?= release
JOBS ?= $(shell nproc)
# Runs of `make sim`.
SEEDS ?= 100000
# How long `make fuzz` tries each target.
SECONDS ?= 10
# What `make run` hands to `mas up`, e.g. make run ARGS="--ingest 2 --query 3".
ARGS ?=

# Everything that is ours, committed or not yet.
SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.cpp')
HEADERS = $(shell git ls-files --cached --others --exclude-standard '*.hpp')

# Compose v2 is a plugin of docker, v1 (Debian 12) a program of its own.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose \
	|| echo docker-compose) -f compose/compose.yaml

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps deps-dev build run test sim model fuzz format lint up logs down clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:  ## install the packages that a build needs and that are missing (apt-get)
	@cmake/install_packages cmake/packages/build.txt

deps-dev: deps  ## the same for format and lint
	@cmake/install_packages cmake/packages/lint.txt

build:  ## build everything; binaries land in build/bin
	@cmake --preset $(PRESET) $(if $(VERBOSE),,--log-level=NOTICE)
	@cmake --build --preset $(PRESET) --parallel $(JOBS)

run: deps build  ## build and run the whole system on this machine until Ctrl-C (ARGS="...")
	@exec build/bin/mas up $(ARGS)

test: deps build  ## build and run every test (PRESET=asan for the sanitizers)
	@ctest --preset $(PRESET) --parallel $(JOBS)

sim: deps  ## play the lock broker's simulation for SEEDS seeds, from a random one on
	@cmake --preset $(PRESET) $(if $(VERBOSE),,--log-level=NOTICE)
	@cmake --build --preset $(PRESET) --parallel $(JOBS) --target simulate_locks
	@build/$(if $(filter release,$(PRESET)),,$(PRESET)/)bin/simulate_locks --random --runs $(SEEDS)

model:  ## check the Spin model of the lock protocol, every state of it (a minute or two)
	@cmake/install_packages cmake/packages/model.txt
	@lockbroker/model/check build/model

fuzz: deps  ## hostile bytes for what decodes them (SECONDS=10 for each target)
	@cmake/install_packages cmake/packages/fuzz.txt
	@cmake --preset fuzz $(if $(VERBOSE),,--log-level=NOTICE)
	@cmake --build --preset fuzz --parallel $(JOBS)
	@tests/fuzz/run build/fuzz/bin $(SECONDS)

format: deps-dev  ## write every source file in the project's format
	@clang-format -i $(SOURCES) $(HEADERS)

lint: deps-dev  ## check format, layering and clang-tidy's findings
	@clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
	@python3 tests/lint/layering.py --self-test
	@python3 tests/lint/layering.py .
	@cmake --preset lint --log-level=NOTICE
	@printf '%s\n' $(SOURCES) | xargs -P $(JOBS) -n 1 tests/lint/tidy build/lint

up:  ## build the containers and start them in the background
	@$(COMPOSE) build gateway  # the image of all services
	@$(COMPOSE) up --detach

logs:  ## follow the containers' logs
	@$(COMPOSE) logs --follow

down:  ## stop and remove the containers; their data stays
	@$(COMPOSE) down

clean:  ## remove everything that was built
	@rm -rf build
