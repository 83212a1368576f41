# Everything starts from nothing: the first target that needs it makes .venv and installs what constraints.txt pins.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# The pip index that torch comes from. By default that of its CPU builds, if it answers within five seconds; pip's own
# build brings several GB of CUDA libraries on Linux. `TORCH_INDEX=` takes pip's own, `TORCH_INDEX=URL` another index.
CPU_BUILDS = https://download.pytorch.org/whl/cpu
TORCH_INDEX ?= auto
# An alarm ends the look-up of a name as well, which knows no time-out.
ANSWERS = $(BIN)/python -c 'import signal, urllib.request; signal.alarm(5); urllib.request.urlopen("$(CPU_BUILDS)/torch/")'
# Without the other packages: that index holds old versions of these.
TORCH = $(BIN)/pip install --no-deps --retries 1 --constraint constraints.txt --index-url

.PHONY: demo test lint lowest clean

demo: $(VENV)/.demo
	$(BIN)/bench demo

test: $(VENV)/.dev
	$(BIN)/pytest --numprocesses auto --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p bioreview_bench
	rm -rf build/layers
	$(BIN)/pip install --quiet --no-deps --target build/layers .
	PYTHONPATH=build/layers $(BIN)/lint-imports pyproject.toml  # all rooms in one folder, as they are installed

lowest:
	.ci/lowest

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
ifeq ($(TORCH_INDEX),auto)
	@if $(ANSWERS) >/dev/null 2>&1 && $(TORCH) $(CPU_BUILDS) torch; then :; \
	else echo "The index of CPU builds of torch is out of reach, so pip's own build is installed."; fi
else
	$(if $(TORCH_INDEX),$(TORCH) $(TORCH_INDEX) torch)
endif
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/pip install --constraint constraints.txt --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/pip install --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
