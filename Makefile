# Everything starts from nothing: the first target that needs it makes .venv and installs what constraints.txt pins.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# A pip index with CPU builds of torch (pytorch.org names it); empty takes pip's default build.
TORCH_INDEX ?=

.PHONY: demo test lint clean

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

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install --constraint constraints.txt --index-url $(TORCH_INDEX) torch)
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/pip install --constraint constraints.txt --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/pip install --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
