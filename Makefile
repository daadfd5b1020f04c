# The environment is .venv; its packages are pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
CORE := .venv/.core
DEV := .venv/.dev
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
.PHONY: quickstart test check fix bench lock clean

quickstart: $(CORE)  ## fetch real data, train every model, compare, show lists with titles
	$(BIN)/bowerbird quickstart

test: $(DEV)  ## everything that asserts, the story script included; downloads nothing
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist worksteal -q
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/story.sh

check: $(DEV)  ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py tests/test_docs.py

fix: $(DEV)  ## format and mend what a machine can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV)  ## what measures; needs the benchmark data (docs/benchmarks.md)
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/encoders.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/popularity.py
	$(BIN)/python benchmarks/exploration.py
	$(BIN)/python benchmarks/poisoning.py
	$(BIN)/python benchmarks/gate.py
	$(BIN)/python benchmarks/space.py
	$(BIN)/python benchmarks/reranking.py
	$(BIN)/python benchmarks/retrieval.py
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python benchmarks/live.py
	$(BIN)/python benchmarks/replay.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/crash.py
	$(BIN)/python benchmarks/map.py
	$(BIN)/python benchmarks/killed.py
	$(BIN)/python benchmarks/failover.py
	$(BIN)/python benchmarks/stories.py
	$(BIN)/python benchmarks/recomputed.py
	$(BIN)/python benchmarks/console.py
	$(BIN)/python benchmarks/import_wizard.py
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/retraining.py
	$(BIN)/python benchmarks/month.py
	$(BIN)/python benchmarks/schedulers.py
	$(BIN)/python benchmarks/tables.py
	$(BIN)/python docs/refresh.py

lock:  ## pin again what pyproject.toml asks for (needs uv)
	printf 'torch==2.13.0\n' > .venv/pins.txt
	uv pip compile -q --universal --python-version 3.11 -c .venv/pins.txt --all-extras \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml \
	  | grep -vE '^(bowerbird|nvidia-|triton|cuda-|torch)' > .venv/locked.txt
	(head -2 constraints.txt; (cat .venv/locked.txt; echo 'torch==2.13.0') | sort -f) > .venv/new.txt
	mv .venv/new.txt constraints.txt

clean:
	rm -rf .venv quickstart .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer expected: make PYTHON=python3.12 quickstart')"
	$(PYTHON) -m venv .venv

$(CORE): .venv/bin/python pyproject.toml constraints.txt
	@echo "installing (a minute or so) ..."
	$(PIP) -e ".[text,train,serve,map]"
	@touch $@

$(DEV): $(CORE)
	@echo "installing what the tests need ..."
	$(PIP) -e ".[all]"
	@touch $@
