# The verbs of the house; `make` alone lists them. Every verb sets up .venv first if it must.

BIN := .venv/bin
PYTHONS := python3 python3.13 python3.12 python3.11
WANTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# What Qt and OpenGL need of Debian or Ubuntu to draw into a virtual framebuffer.
WINDOW := xvfb xauth libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 \
    libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libdbus-1-3

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-export test-copick test-viewer check fix bench bench-long torture docs site package

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/.installed ## make .venv with seget and the tools of its developers

demo: setup ## the whole way on a simulated cell; the last line says where the report is
	@$(BIN)/seget demo -o build/demo

# Files go to the cores side by side: what a file's tests share is made once. ARGS="-n 0": one by one.
test: setup ## run the tests, shapes checked (ARGS="-k mrc" for some of them)
	@$(BIN)/pytest -q --durations=3 -n logical --maxprocesses 8 --dist loadfile $(ARGS)

test-export: .venv-export/.installed ## tests with the tools of bioimage.io, which want a .venv of their own
	@.venv-export/bin/pytest -q tests/export $(ARGS)

test-copick: setup .venv-copick/.installed ## tests with copick's own reader, which wants zarr 2 and a .venv of its own
	@SEGET_COPICK=$(CURDIR)/.venv-copick/bin/python $(BIN)/pytest -q tests/test_copick.py $(ARGS)

# In an environment of its own: napari and Qt would slow `make test` down. ARGS="-k story" for one.
test-viewer: .venv-viewer/.installed ## the tests in napari's own window, in a virtual framebuffer
	@if ! command -v xvfb-run >/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get install -y --no-install-recommends $(WINDOW); \
	    else \
	        echo "A virtual framebuffer is missing: sudo apt-get install $(WINDOW)" >&2; exit 1; \
	    fi; \
	fi
	@xvfb-run -a -s "-screen 0 1400x900x24" .venv-viewer/bin/pytest -q tests/viewer $(ARGS)

check: setup ## lint, import floors, types, doctests, the written pages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy --strict src
	@$(BIN)/pytest -q --doctest-modules src --ignore src/seget/viewer/widgets
	@$(BIN)/python docs/cli_page.py --check
	@$(BIN)/python docs/networks_page.py --check
	@$(BIN)/python docs/reference_pages.py --check
	@echo "check: the house is in order"

fix: setup ## mend what ruff can mend, and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup ## time and memory against the plain way, write build/bench.json (15 minutes at most)
	@$(BIN)/python -m benchmarks.bench

bench-long: setup ## memory of predict, fuse and evaluate for 76 and 608 slices
	@$(BIN)/python -m benchmarks.bench --long

torture: setup ## kill 200 runs, fill disks, take inputs away; write build/torture.json
	@$(BIN)/python -m benchmarks.torture

docs: setup ## write the pages of reference: commands, networks, recipe, Python
	@$(BIN)/python docs/cli_page.py
	@$(BIN)/python docs/networks_page.py
	@$(BIN)/python docs/reference_pages.py

site: .venv-site/.installed ## make build/site of docs/, which opens without a network (search wants a server)
	@NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build -q
	@echo "build/site/index.html"

package: .venv-package/.installed ## build and check the wheel and the sdist, in build/package
	@rm -rf build/package
	@.venv-package/bin/python -m build -o build/package . >build/package.log
	@.venv-package/bin/twine check --strict build/package/*
	@.venv-package/bin/check-wheel-contents build/package/*.whl
	@test $$(wc -c <$$(ls build/package/*.whl)) -lt 10000000 || { echo "the wheel is over 10 MB" >&2; exit 1; }

.venv-viewer/.installed: pyproject.toml constraints.txt | .venv/.installed
	@$(BIN)/python -m venv .venv-viewer
	@.venv-viewer/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt \
	    -e ".[dev,viewer]" pytest-qt
	@touch $@

# An old .venv is kept if its Python fits; the stamp is older than a changed list of dependencies.
.venv/.installed: pyproject.toml constraints.txt
	@if ! $(BIN)/python -c 'import pip; $(WANTED)' 2>/dev/null; then \
	    for python in $(PYTHONS); do \
	        $$python -c '$(WANTED)' 2>/dev/null && break; python=; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "No Python 3.11 to 3.13 with venv was found: install one" \
	            "(python.org, or apt install python3-venv) and run make again." >&2; exit 1; \
	    fi; \
	    $$python -m venv --clear .venv; \
	fi
	@echo "Installing seget and its dependencies into .venv; the first time takes minutes."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

.venv-site/.installed: | setup
	@test -x .venv-site/bin/python || $(BIN)/python -m venv .venv-site
	@.venv-site/bin/python -m pip install -q --disable-pip-version-check "mkdocs-material>=9.5"
	@touch $@

.venv-package/.installed: | setup
	@mkdir -p build
	@test -x .venv-package/bin/python || $(BIN)/python -m venv .venv-package
	@.venv-package/bin/python -m pip install -q --disable-pip-version-check build twine check-wheel-contents
	@touch $@

.venv-copick/.installed: | setup
	@test -x .venv-copick/bin/python || $(BIN)/python -m venv .venv-copick
	@.venv-copick/bin/python -m pip install -q --disable-pip-version-check "copick>=1.31"
	@touch $@

# bioimageio.spec does not work with every pydantic: here it is the one of constraints.txt.
.venv-export/.installed: pyproject.toml constraints.txt | setup
	@test -x .venv-export/bin/python || $(BIN)/python -m venv .venv-export
	@.venv-export/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt \
	    -e ".[export]" bioimageio.core onnxruntime pytest pytest-timeout hypothesis beartype
	@touch $@
