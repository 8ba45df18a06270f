# `make demo` and `make test` need Python 3.11, 3.12 or 3.13, pip and make; each installs the rest.
PYTHON ?= python3

.PHONY: demo test lint

demo: .venv/installed
	.venv/bin/python -m demo

# These wait for hosts, browsers and windows, which do not stand a machine that is busy with others.
ALONE = tests/cluster tests/labelling/review tests/labelling/test_preview.py

SIDE_BY_SIDE = --dist loadfile --max-worker-restart 0

# Several processes share the cores: a thread of BLAS is enough for each. When one of them dies, the
# others would wait for its tests for ever: the run ends instead.
test: export OPENBLAS_NUM_THREADS = 1
test: .venv/installed-dev lint
	.venv/bin/python -m pytest -n 3 $(SIDE_BY_SIDE) --no-loadscope-reorder $(addprefix --ignore=,$(ALONE))
	.venv/bin/python -m pytest -n 2 $(SIDE_BY_SIDE) $(ALONE)

lint: .venv/installed-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo --no-cache
	for platform in linux darwin win32; do \
	    .venv/bin/mypy --platform $$platform --cache-dir .mypy_cache/$$platform || exit 1; \
	done

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt tools/install.py | .venv/bin/python
	.venv/bin/python tools/install.py requirements.txt
	touch $@

.venv/installed-dev: $(wildcard requirements*.txt) tools/install.py | .venv/bin/python
	.venv/bin/python tools/install.py requirements-dev.txt
	touch $@
