# `make demo`, `make check` (the quick tests) and `make test` (all of them) need nothing but Python (3.11 or later)
# and its venv module.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --quiet --disable-pip-version-check
QUESTIONS = "compare two texts and show where they differ" "a queue that gives the smallest item first" \
	"wait for several threads to reach the same point"
MODULES := # of the standard library, for a smaller demo; all of them by default

.PHONY: setup demo test check lint docs bench bench-peers bench-recall lock

setup: .venv/.complete

.venv/.complete: requirements.lock pyproject.toml
	@echo "Setting up .venv, which takes some minutes."
	@$(PYTHON) -m venv .venv
	@$(PIP) torch==2.13.0
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/python infra/stdlib_docs.py build $(MODULES)
	@echo '$$ embedlake run configs/demo.yaml'; $(BIN)/embedlake run configs/demo.yaml
	@for question in $(QUESTIONS); do \
		echo; echo "$$ embedlake search configs/demo.yaml \"$$question\" -n 2"; \
		$(BIN)/embedlake search configs/demo.yaml "$$question" -n 2 || exit; \
	done
	@echo; echo 'Next: $(BIN)/embedlake search configs/demo.yaml "a question of yours"'
	@echo 'Your own texts: $(BIN)/embedlake init FOLDER'

SIDE_BY_SIDE := -n auto --maxprocesses=4 --dist worksteal

test: check
	$(BIN)/python -m pytest -m slow $(SIDE_BY_SIDE)

check: lint
	$(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What the documentation takes from the code: configs/README.md, configs/corpus.schema.json, flows/cli/README.md.
docs: setup
	$(BIN)/python -m infra.reference

# All but the peers; those that need texts run where SCIFACT (a folder in BEIR's format) and WORDNET say where they are.
bench: setup
	$(BIN)/python -m tests.benchmarks.no_change 100000
	$(BIN)/python -m tests.benchmarks.landing 1000000
	$(BIN)/python -m tests.benchmarks.maps 1000000
	$(BIN)/python -m tests.benchmarks.growth 1000000
	$(BIN)/python -m tests.benchmarks.serving
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

# Words and headings of real documents in the chunks, beside other tools; needs Debian's w3m and poppler-utils.
bench-recall: setup
	$(PYTHON) -m venv .venv-recall
	.venv-recall/bin/pip install --quiet -r tests/benchmarks/recall_peers.txt
	$(BIN)/python -m tests.benchmarks.recall

# Renew requirements.lock after a change of pyproject.toml. torch is left out, with the CUDA packages that some of its
# builds need: its build depends on the machine.
lock: setup
	mkdir -p build
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --extra test --generate-hashes --strip-extras --allow-unsafe \
		--unsafe-package torch --no-emit-index-url --no-emit-find-links --no-header \
		--output-file build/all.lock pyproject.toml
	awk '/^[^ #]/ { keep = !/^(nvidia-|cuda-|triton|embedlake )/ } keep' build/all.lock > requirements.lock
