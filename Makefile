# Two commands: `make run` serves, `make test` proves. Both install what they need from the lock files.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
UV := $(or $(shell command -v uv),.tools/uv/bin/uv)
BIN := .venv/bin
NLU := nlu/.venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
export RASA_TELEMETRY_ENABLED := false

.PHONY: run test setup lint types arrows model dialogue unit nlu-unit e2e lock clean bench-turns bench-nlu nlu-eval nlu-eval-stock knowledge-eval faults bench-messaging bench-console

run: setup
	@$(BIN)/trian run

# Two cores, two lanes: Rasa's room trains and is tested while the product's units run. The real processes then have the
# machine to themselves.
test: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target nlu-lane unit-lane
	@$(MAKE) --no-print-directory e2e
	@echo "make test: everything passed"

.PHONY: nlu-lane unit-lane
nlu-lane:
	@$(MAKE) --no-print-directory --jobs=1 model nlu-unit dialogue

unit-lane:
	@$(MAKE) --no-print-directory --jobs=1 lint types arrows unit

setup: .venv/.installed nlu/.venv/.installed

.venv/.installed: requirements.lock pyproject.toml | python-3.11 uv
	@echo "setup: installing the product's environment"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

nlu/.venv/.installed: nlu/requirements.lock | python-3.11 uv
	@echo "setup: installing Rasa's environment (the first time takes a minute or two)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) nlu/.venv
	@$(UV) pip sync --quiet --require-hashes --python $(NLU)/python nlu/requirements.lock
	@touch $@

# An uv on the machine is used as it is; otherwise one is brought into the repository's own ignored folder.
.PHONY: uv
uv: $(if $(shell command -v uv),,.tools/uv/bin/uv)

.tools/uv/bin/uv: | python-3.11
	@echo "setup: uv is not installed; bringing it into .tools/"
	@$(PYTHON) -m venv .tools/uv || { echo "Python's venv module is missing; install it (Debian: apt install python3-venv)"; exit 1; }
	@.tools/uv/bin/pip install --quiet uv

.PHONY: python-3.11
python-3.11:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Tri Ân needs Python 3.11; install it, or say where it is: make PYTHON=/path/to/python3.11"; exit 1; }

lint:
	@echo "test: ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: .venv/bin/ruff format ."; exit 1; }

types:
	@echo "test: mypy strict"
	@$(BIN)/mypy

arrows:
	@echo "test: the rooms' arrows"
	@$(BIN)/lint-imports

model:
	@echo "test: rasa data validate"
	@PYTHONWARNINGS=ignore $(NLU)/python -m rasa data validate --domain domain.yml --config config.yml --data data/nlu data/rules data/stories --fail-on-warnings
	@$(NLU)/python -m nlu.train

nlu-unit:
	@echo "test: Rasa's room"
	@$(NLU)/python -m pytest -q tests/nlu

# Stories name the codes and people in a message and no other entity: a relative date differs from day to day.
dialogue:
	@echo "test: dialogues"
	@PYTHONWARNINGS=ignore TRIAN_ENTITY_KINDS=codes,people $(NLU)/python -m rasa test core --model models/$$(sed -n 's/.*"model": "\([^"]*\)".*/\1/p' models/current.json) --stories tests/stories --e2e --fail-on-prediction-errors --no-plot --out var/results

unit:
	@echo "test: units and services, on SQLite and PostgreSQL"
	@$(BIN)/pytest -m "not e2e" -n 2 --dist loadfile --no-loadscope-reorder

e2e:
	@echo "test: the real processes, scripted customers and a real browser"
	@$(BIN)/pytest -m e2e

lock: | uv
	@$(UV) pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o requirements.lock
	@cd nlu && $(if $(shell command -v uv),uv,../$(UV)) pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o requirements.lock

clean:
	@rm -rf .venv nlu/.venv .tools models var

bench-turns: setup model
	@$(BIN)/python -m bench.turns

bench-messaging: setup
	@$(NLU)/python -m nlu.train
	@$(BIN)/python -m bench.messaging $(ARGS)

# Twenty people at the console of a shop of size, for half an hour: ARGS="--minutes 5" or ARGS=--small makes do with less.
bench-console: setup
	@$(BIN)/python -m bench.console $(ARGS)

bench-nlu: setup model
	@$(BIN)/python -m bench.nlu $(if $(EPOCHS),--stock-epochs $(EPOCHS)) $(if $(FILE),--file $(FILE))

# FILE: JSON lines of {"text", "label"}. Without it, the project's own test messages, none of which is trained on.
EVAL_FILES = $(foreach file,$(or $(FILE),$(wildcard data/nlu_test/messages*.jsonl)),--file $(file))

nlu-eval: setup
	@$(NLU)/python -m nlu.train
	@$(NLU)/python -m nlu.evaluate $(EVAL_FILES)

# Trains Rasa's stock pipeline on the same sentences first: 100 epochs take hours on two cores; EPOCHS=10 makes do with less.
nlu-eval-stock: setup
	@$(NLU)/python -m nlu.train
	@$(NLU)/python -m nlu.evaluate --model "$$($(BIN)/python -m bench.stock_model $(if $(EPOCHS),--epochs $(EPOCHS)) | tail -n 1)" $(EVAL_FILES)

# Every fault of the list, on both databases, with the simulator as the oracle: the full run kills processes thousands of
# times and takes an hour or more; ARGS="--cases 1,24 --database sqlite --tries 10" makes do with less.
faults: setup
	@$(NLU)/python -m nlu.train
	@$(BIN)/python -m tests.faults --side-by-side $(ARGS)

knowledge-eval: setup
	@$(BIN)/python -m bench.knowledge_eval
