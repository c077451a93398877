# `make demo`, `make check` (the quick tests) and `make test` (all of them) need nothing but Python (3.11 or later)
# and its venv module.
PYTHON ?= python3
BIN := .venv/bin
STDLIB = $(shell $(BIN)/python -c "import sysconfig; print(sysconfig.get_path('stdlib'))")
QUESTIONS = "compare two texts and show where they differ" "a queue that gives the smallest item first" \
	"wait for several threads to reach the same point"
DEMO = STDLIB="$(STDLIB)" $(BIN)/embedlake

.PHONY: setup demo test check lint bench bench-peers lock

setup: .venv/.complete

.venv/.complete: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	@$(BIN)/python infra/stdlib_docs.py build/stdlib.jsonl
	@echo '$$ embedlake run configs/demo.yaml'; $(DEMO) run configs/demo.yaml
	@for question in $(QUESTIONS); do \
		echo; echo "$$ embedlake search configs/demo.yaml \"$$question\" -n 2"; \
		$(DEMO) search configs/demo.yaml "$$question" -n 2; \
	done

test: check
	$(BIN)/python -m pytest -m slow

check: lint
	$(BIN)/python -m pytest -m "not slow"

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All but the peers; those that need texts run where SCIFACT (a folder in BEIR's format) and WORDNET say where they are.
bench: setup
	$(BIN)/python -m tests.benchmarks.no_change 100000
	$(BIN)/python -m tests.benchmarks.landing 1000000
	$(BIN)/python -m tests.benchmarks.growth 1000000
	$(if $(WORDNET),$(BIN)/python -m tests.benchmarks.static $(WORDNET))
	$(if $(WORDNET),$(BIN)/python -m tests.benchmarks.index $(WORDNET))
	$(if $(SCIFACT),$(BIN)/python -m tests.benchmarks.reading)
	$(if $(SCIFACT),$(BIN)/python -m tests.benchmarks.pipeline)
	$(if $(SCIFACT),$(BIN)/python -m tests.benchmarks.scaling)
	$(if $(SCIFACT),$(BIN)/embedlake run configs/scifact.yaml)
	$(if $(SCIFACT),$(BIN)/python -m tests.benchmarks.scifact configs/scifact.yaml)
	$(if $(SCIFACT),$(BIN)/embedlake bench configs/scifact.yaml)

# Beside other projects, in an environment of their own: SCIFACT=path/to/scifact make bench-peers
bench-peers: setup
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet torch==2.13.0
	.venv-peers/bin/pip install --quiet -r tests/benchmarks/peers.txt
	$(BIN)/python -m tests.benchmarks.peers

# Renew requirements.lock after a change of pyproject.toml. torch is left out, with the CUDA packages that some of its
# builds need: its build depends on the machine.
lock: setup
	mkdir -p build
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --extra test --generate-hashes --strip-extras --allow-unsafe \
		--unsafe-package torch --no-emit-index-url --no-emit-find-links --no-header \
		--output-file build/all.lock pyproject.toml
	awk '/^[^ #]/ { keep = !/^(nvidia-|cuda-|triton|embedlake )/ } keep' build/all.lock > requirements.lock
