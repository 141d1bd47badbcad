# make demo, make test: see README.md. Everything is safe to repeat and to interrupt.

VENV := .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
RUN := $(VENV)/bin/python -m

# Options of `make demo`.
INPUT ?= synthetic
CHECKPOINT ?= nano
OUTPUT ?= demo_output
# More words for pytest: make test ARGS='-k mapper'
ARGS ?=

# Alone on this machine, unless the caller chose a domain.
export ROS_DOMAIN_ID ?= $(shell echo $$(( $$$$ % 100 + 1 )))
ifeq ($(ROS_DISTRO),humble)
export ROS_LOCALHOST_ONLY ?= 1
else
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
endif

.PHONY: help demo test lint docs venv clean

help:
	@echo 'make demo [INPUT=video, folder or synthetic] [CHECKPOINT=nano] [OUTPUT=demo_output]'
	@echo 'make test [ARGS=...]   all tests'
	@echo 'make lint              format, lint, spelling, types'
	@echo 'make docs              config/vggt.yaml and docs/parameters.md from vggt_ros/config.py'
	@echo 'make clean             removes .venv and everything that was built'

demo: venv
	$(RUN) vggt_ros.cli demo --input '$(INPUT)' --checkpoint '$(CHECKPOINT)' --output '$(OUTPUT)'

test: venv
	$(RUN) pytest $(ARGS)

lint: venv
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(VENV)/bin/codespell
	$(RUN) mypy

docs: venv
	$(RUN) vggt_ros.parameter_docs

venv:
	@command -v '$(firstword $(PYTHON))' >/dev/null || { \
	echo 'no Python 3.10 to 3.13; install one: apt install python3 python3-venv python3-dev' >&2; \
	exit 1; }
	@$(PYTHON) environment/make_venv.py --venv $(VENV)

clean:
	rm -rf $(VENV) build install log *.egg-info demo_output
	find . -name __pycache__ -prune -exec rm -rf {} +
