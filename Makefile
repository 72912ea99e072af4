# Two commands: make demo, make test. Each works alone on a machine with Python 3.11+, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint samples bench-quality bench-keyframe bench-steady bench-motion bench-render bench-media bench-engines bench-batch fuzz chaos chaos-cluster clean

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

# The figures of docs/benchmarks.md. MEDIA names the folder with volcano.mp4, goose.png and so on; PAIR one or
# more pairs (all take an hour at 180 s each, with figures); BUDGET the seconds of training; SEEDS and ARGS more.
bench-quality: $(READY)
	$(BIN)/python benchmarks/quality.py $(if $(MEDIA),--media $(MEDIA)) $(if $(PAIR),--pair $(PAIR)) \
		$(if $(BUDGET),--budget $(BUDGET)) $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

# How near painted keyframes come to known looks (half an hour). BUDGET and ARGS ("--looks cartoon") as above.
bench-keyframe: $(READY)
	$(BIN)/python benchmarks/keyframe.py $(if $(MEDIA),--media $(MEDIA)) $(if $(BUDGET),--budget $(BUDGET)) $(ARGS)

# How steady pictures are, and how crisp still (half an hour); BUDGET, PAIR, SEEDS and ARGS as above.
bench-steady: $(READY)
	$(BIN)/python benchmarks/steady.py $(if $(MEDIA),--media $(MEDIA)) $(if $(PAIR),--pair $(PAIR)) \
		$(if $(BUDGET),--budget $(BUDGET)) $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

# How right the flow is, whether texture stays on things (both on the sample clip), where a frame's time goes.
bench-motion: $(READY)
	$(BIN)/python benchmarks/flow.py
	$(BIN)/python benchmarks/texture.py
	$(BIN)/python benchmarks/cost.py $(if $(MEDIA),--media $(MEDIA)) --set flow.preset=fast

# How fast passthrough is beside ffmpeg, and whether 500 cycles of it in one process leave memory as it was.
bench-media: $(READY)
	$(BIN)/python benchmarks/passthrough.py $(if $(MEDIA),--clip $(MEDIA)/bunny.mp4)
	$(BIN)/python benchmarks/cycles.py

# What draws frames fastest on this CPU, and how far pictures differ.
bench-engines: $(READY)
	$(BIN)/python benchmarks/engines.py $(ARGS)

# How near a render comes to what the machine allows, what its journal costs, its memory, its engines (an hour).
bench-render: $(READY)
	$(BIN)/python benchmarks/render.py $(if $(MEDIA),--media $(MEDIA)) --journal --memory $(ARGS)
	$(BIN)/python benchmarks/engines.py

# A thousand damaged clips: rendered with their losses named, or refused; ARGS ("--count 100") as above.
fuzz: $(READY)
	$(BIN)/python benchmarks/fuzz.py $(ARGS)

# Two hundred kills, full disks, interrupts, damage: is anything lost? ARGS ("--quick") as above; half an hour.
chaos: $(READY)
	$(BIN)/python benchmarks/chaos.py $(ARGS)

# Nodes, workers, head and batch of a Ray cluster on this machine killed in the middle; half an hour.
chaos-cluster: $(READY)
	$(BIN)/python benchmarks/chaos_cluster.py $(ARGS)

# Twelve clips in two looks: several at a time, one by one, by single commands, on a Ray cluster; ten minutes.
bench-batch: $(READY)
	$(BIN)/python benchmarks/batch.py $(ARGS)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vidgan needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --editable .
	touch $(READY)

clean:
	rm -rf .venv out dist .ruff_cache .mypy_cache .pytest_cache
