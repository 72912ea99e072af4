# Two commands: make demo, make test. Each works alone on a machine with Python 3.11+, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint samples bench-draft clean

demo: $(READY)
	mkdir -p out
	$(BIN)/vidgan translate samples/clip.mp4 samples/target.png -o out/demo.mp4 \
		--pipeline draft --sheet out/demo-sheet.png --overwrite

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

samples: $(READY)
	$(BIN)/python samples/make.py

# The figures of docs/benchmarks.md; MEDIA names a folder with volcano.mp4, goose.png and so on.
bench-draft: $(READY)
	$(BIN)/python benchmarks/draft.py $(if $(MEDIA),--media $(MEDIA))

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vidgan needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --editable .
	touch $(READY)

clean:
	rm -rf .venv out dist .ruff_cache .mypy_cache .pytest_cache
