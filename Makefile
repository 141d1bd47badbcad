# make demo, make test: see README.md. Everything is safe to repeat and to interrupt.

# Whose wheels are used where no distribution is sourced: kilted or jazzy; each has a folder.
ROS_WHEELS ?= kilted
VENV := $(if $(filter kilted,$(ROS_WHEELS)),.venv,.venv-$(ROS_WHEELS))
RUN := $(VENV)/bin/python -m

# The interpreter .venv is made with: the one called python3, or else the newest that will do.
# With a distribution sourced it has to be the one that distribution was built for.
ifndef PYTHON
ifneq ($(and $(ROS_DISTRO),$(AMENT_PREFIX_PATH)),)
NEEDS := , rclpy
endif
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3; do \
	$$p -c 'import sys$(NEEDS); sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$p && break; done)
endif

# Options of `make demo`.
INPUT ?= synthetic
CHECKPOINT ?= nano
OUTPUT ?= demo_output
# VIEW=1 shows the map in a browser.
VIEW ?=
# How long `make soak` keeps the node under load.
MINUTES ?= 15
# More words for pytest: make test ARGS='-k mapper'
ARGS ?=

# Alone on this machine: tests and demo claim a domain of their own (vggt_ros/cli/ros_domain.py).
ifeq ($(ROS_DISTRO),humble)
export ROS_LOCALHOST_ONLY ?= 1
else
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
endif

# Only the plugins named below: those of a ROS 2 distribution are for older versions of pytest.
test: export PYTEST_DISABLE_PLUGIN_AUTOLOAD := 1
PLUGINS := -p pytest_timeout -p _hypothesis_pytestplugin

.PHONY: help demo test soak lint docs site bench venv clean

help:
	@echo 'make demo [INPUT=video, folder or synthetic] [CHECKPOINT=nano] [OUTPUT=demo_output] [VIEW=1]'
	@echo 'make test [ARGS=...]   all tests'
	@echo 'make soak [MINUTES=15]  the node under full load and faults, 100,000 made-up messages'
	@echo 'make lint              format, lint, spelling, types'
	@echo 'make bench             all benchmarks; tables and a picture in bench_output/'
	@echo 'make docs              pages and drawings that are generated from the code'
	@echo 'make site              the documentation as a site, in site_output/'
	@echo 'make venv              .venv alone; PYTHON=python3.12 chooses the interpreter'
	@echo '... ROS_WHEELS=jazzy   the same in .venv-jazzy, on the wheels of Jazzy instead of Kilted'
	@echo 'make clean             removes .venv and everything that was built'

demo: venv
	$(RUN) vggt_ros.cli demo --input '$(INPUT)' --checkpoint '$(CHECKPOINT)' --output '$(OUTPUT)' \
	$(if $(VIEW),--view)

test: venv
	$(RUN) $(if $(strip $(ARGS)),pytest $(PLUGINS) $(ARGS),tools.all_tests)

# What was measured is in soak.xml.
soak: venv
	VGGT_SOAK_S=$$(( 60 * $(MINUTES) )) VGGT_FUZZ_EXAMPLES=100000 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 \
	$(RUN) pytest $(PLUGINS) test/faults -o timeout=3600 --junit-xml=soak.xml $(ARGS)

lint: venv
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(VENV)/bin/codespell
	$(RUN) mypy
	$(RUN) mypy tools/no_ros/environment tools/no_ros/ros_wheels/install.py
	$(RUN) mypy training
	$(RUN) mypy benchmarks
	$(RUN) mypy --explicit-package-bases tools/*.py

bench: export ROS_DOMAIN_ID ?= 77
bench: venv
	$(RUN) benchmarks.run_all

# config/vggt.yaml, docs/parameters.md, docs/commands.md, docs/drawings/: they are committed.
docs: venv
	$(RUN) tools.parameter_docs
	$(RUN) tools.command_docs
	$(RUN) tools.site_drawings

site: venv
	$(RUN) sphinx -q -W --keep-going -d site_output/.doctrees docs site_output
	@echo 'open site_output/index.html'

venv:
	@test -n '$(PYTHON)' || { \
	echo 'no Python 3.10 to 3.13$(if $(NEEDS), that can import rclpy of ROS 2 $(ROS_DISTRO));' \
	'install it (Debian, Ubuntu: apt install python3 python3-venv python3-dev)' \
	'or name one: make PYTHON=/usr/bin/python3 ...' >&2; exit 1; }
	@command -v '$(PYTHON)' >/dev/null || { echo 'no program $(PYTHON)' >&2; exit 1; }
	@$(PYTHON) tools/no_ros/environment/make_venv.py --venv $(VENV) --wheels $(ROS_WHEELS)

clean:
	rm -rf .venv .venv-* build install log *.egg-info demo_output bench_output site_output soak.xml
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
