# Every target makes its own .venv; nothing but python3 (3.11 to 3.13), python3-venv and make is needed before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# onnxruntime reports to its maker unless told not to; the agent tells it by itself.
export ORT_DISABLE_TELEMETRY = 1
# Most tests wait for brokers, sensors and processes rather than compute.
PARALLEL ?= -n 5 --dist loadfile

.PHONY: soak fuzz demo demo-pole test test-fast lint bench eval install schema train-env lock wheel venv clean

demo: $(VENV)/.demo
	$(BIN)/edge-agent demo $(ARGS)

demo-pole: $(VENV)/.demo
	$(BIN)/edge-agent demo --pole $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

# For a device, as root, from /opt/edge-agent: environment, user, folders, units. Starts nothing. Compiled here, since the
# service may not write there and would compile at each start.
install: $(VENV)/.device
	$(BIN)/python -m compileall -q edge_agent drivers
	install -D -m 644 systemd/edge-agent.sysusers /usr/lib/sysusers.d/edge-agent.conf
	install -D -m 644 systemd/edge-agent.tmpfiles /usr/lib/tmpfiles.d/edge-agent.conf
	install -D -m 644 systemd/99-edge-agent.rules /usr/lib/udev/rules.d/99-edge-agent.rules
	install -D -m 644 systemd/edge-agent.service /usr/lib/systemd/system/edge-agent.service
	systemd-sysusers edge-agent.conf
	systemd-tmpfiles --create edge-agent.conf
	-systemctl daemon-reload
	-udevadm control --reload
	@echo "write /etc/edge-agent/device.toml, then: runuser -u edge-agent -- $(CURDIR)/$(BIN)/edge-agent check /etc/edge-agent/device.toml"

schema: $(VENV)/.dev
	$(BIN)/edge-agent schema | $(BIN)/python -c 'import json, sys, yaml; yaml.safe_dump(json.load(sys.stdin), sys.stdout, sort_keys=False, allow_unicode=True, width=110)' > docs/asyncapi.yaml

# Kills, power cuts and stalls against real brokers; hours. Figures of the last run: docs/reliability.md.
KILLS ?= 1000
soak: $(VENV)/.dev
	$(BIN)/python -m tests.faults.soak --kills $(KILLS)

# Ten million random and mutated bytes into every decoder.
fuzz: $(VENV)/.dev
	FUZZ_BYTES=10000000 $(BIN)/python -m pytest tests/drivers/test_fuzz.py tests/hj212/test_hj212_fuzz.py $(ARGS)

# PICTURES and LABELS name a folder of pictures and a label file; models/README.md has the form.
eval: $(VENV)/.train
	$(BIN)/python -m models.evaluate --pictures "$(PICTURES)" --labels "$(LABELS)" $(ARGS)

venv: $(VENV)/.dev
train-env: $(VENV)/.train

wheel: $(VENV)/.dev
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# Writes the locked dependencies anew from pyproject.toml; needs the package uv.
COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" --quiet
lock:
	$(COMPILE) --output-file requirements/device.lock
	$(COMPILE) --extra build --output-file requirements/build.lock
	$(COMPILE) --extra demo --extra build --output-file requirements/demo.lock
	$(COMPILE) --extra demo --extra build --extra dev --output-file requirements/dev.lock

clean:
	rm -rf $(VENV) dist build demo-out bench-out .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "edge-agent needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + "; name another with PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.device: $(BIN)/python requirements/build.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.demo: $(BIN)/python requirements/demo.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: $(BIN)/python requirements/dev.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/.demo $(VENV)/.device

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/bench-peer.txt
	touch $@

$(VENV)/.train: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/train.txt
	touch $@
