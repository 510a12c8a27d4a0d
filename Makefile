# Two commands set up a fresh machine: `make demo` and `make test`. Both say what they install.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0

.PHONY: demo test check format install install-test system clean

demo: $(VENV)/.installed ## live captions of the bundled clip, nothing downloaded but packages
	$(BIN)/live-whisper demo

test: $(VENV)/.installed-test ## everything the checks consist of
	$(MAKE) check

check: ## format, lint, types, layers, tests; needs the packages of `make test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

format: ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/.installed
install-test: $(VENV)/.installed-test

$(VENV)/.system: .ci/system-packages
	@mkdir -p $(VENV)
	sh .ci/system-packages
	@touch $@

$(VENV)/.system-test: .ci/system-packages
	@mkdir -p $(VENV)
	LIVE_WHISPER_SYSTEM_TEST=1 sh .ci/system-packages
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.system
	@echo "Installing live-whisper and the packages it needs into $(VENV) (about 300 MB)."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed $(VENV)/.system-test
	@echo "Installing test packages, PyTorch for the CPU and openai-whisper (parity tests) into $(VENV) (about 2 GB)."
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[test]'
	$(BIN)/pip install --quiet --no-deps 'openai-whisper==20250625'
	@touch $@

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
