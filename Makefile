# Everything a developer types. `make demo` and `make test` set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The variables of config/ros.env, for the processes that make starts; the launch files read it too.
CONFIG := $(abspath config)
include config/ros.env
ROS_VARIABLES := $(shell sed -n 's/^\([A-Z_]*\)=.*/\1/p' config/ros.env)
export $(ROS_VARIABLES)
export RMW_IMPLEMENTATION ?= rmw_fastrtps_cpp
# A run of make must never reach a robot on the same network.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
export ROS_LOG_DIR ?= $(abspath log/ros)
export AMENT_PREFIX_PATH := $(abspath install/flowenedet_ros):$(abspath $(VENV))

DECLARATIONS := setup.py setup.cfg pyproject.toml package.xml

.PHONY: help setup setup-test demo test lint bench report soak test-gpu clean

help:
	@echo 'make demo [BAG=... TOPIC=...] [VIDEO=...] [MODEL=...]   see it work: out/demo/'
	@echo 'make test [ARGS=...]     every test'
	@echo 'make setup               the environment .venv and the colcon tree install/'
	@echo 'make lint                ruff and mypy'
	@echo 'make bench, make report, make soak, make test-gpu   the long ones'

setup: $(VENV)/.runtime install/.built

setup-test: setup $(VENV)/.test

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || \
	  { echo 'flowenedet_ros needs Python 3.11 or 3.12, and $(PYTHON) is' \
	    "$$($(PYTHON) --version 2>&1): use make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
	  { echo 'this Python cannot make virtual environments: sudo apt install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(DECLARATIONS) | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[runtime,ros]'
	@touch $@

$(VENV)/.test: $(DECLARATIONS) $(VENV)/.runtime
	$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[runtime,ros,train,test]'
	@touch $@

# --symlink-install: edited Python is live; only what setup.py copies by name needs a new build.
install/.built: $(DECLARATIONS) $(VENV)/.runtime $(wildcard config/* launch/* resource/*)
	AMENT_PREFIX_PATH= PATH=$(abspath $(BIN)):$$PATH $(BIN)/colcon --log-base log build --base-paths . \
	  --symlink-install --event-handlers console_direct- desktop_notification-
	@touch $@

demo: setup
	@$(BIN)/python -m flowenedet_ros.replay.demo --out out/demo \
	  $(if $(BAG),--bag '$(BAG)') $(if $(TOPIC),--topic '$(TOPIC)') \
	  $(if $(VIDEO),--video '$(VIDEO)') $(if $(MODEL),--model '$(MODEL)')

test: setup-test
	$(BIN)/python -m pytest -m 'not gpu' $(ARGS)

test-gpu: setup-test
	$(BIN)/python -m pytest -m gpu $(ARGS)

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup-test
	@mkdir -p out
	$(BIN)/flowenedet benchmark --node --json out/benchmark.json $(ARGS)

report: setup-test
	$(BIN)/python -m flowenedet_ros.evaluation.report $(ARGS)

soak: setup-test
	FLOWENEDET_SOAK_MINUTES=30 $(BIN)/python -m pytest test/node -k memory_stays_level \
	  --timeout=3600 $(ARGS)

clean:
	rm -rf $(VENV) build install log out
