# Everything runs in a virtual environment of its own, made on first use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Processes of the test suite, one more than cores since some tests wait; each takes up to 3 GB.
WORKERS ?= 3

.PHONY: demo test lint format benchmark web clean

# The main job end to end; SONG=path/to/song.mp3 takes your song.
demo: $(VENV)/.installed
	$(BIN)/stemzoo demo $(if $(SONG),"$(SONG)") --output demo_output

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(VENV)/.installed-dev
	for script in network separation "separation --variants" windows exports overlap pipeline shards \
		data_check preprocessing synthetic_songs serving cold_start spleeter wiener \
		"pair_check --cold"; do \
		set -- $$script; script=$$1; shift; \
		$(BIN)/python benchmarks/$$script.py "$$@" || exit 1; \
	done

# What the page of examples/web needs; its tests are skipped without.
web: examples/web/node_modules/.installed

examples/web/node_modules/.installed: examples/web/package.json
	cd examples/web && npm install --no-package-lock --no-audit --no-fund --silent
	touch $@

clean:
	rm -rf $(VENV) examples/web/node_modules demo_output build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing TensorFlow and the rest, about 3 GB, into $(VENV) ..."
	$(PIP) install --constraint constraints.txt --editable '.[tensorflow]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $@
