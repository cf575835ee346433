# make lab opens the workbook, make test checks it; make alone lists what there is.
# Works with GNU make and a POSIX shell. Paths are relative, so a folder with spaces in its name will do.

# python3, or the first of python3.13 … python3.10 where python3 is not one of 3.10 to 3.13
PYTHON ?=
# An extra package index for torch, such as https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Further arguments for JupyterLab, such as --no-browser or --port=9000
LAB_ARGS ?=
# A room of the package whose tests make quick runs, such as joint
ROOM ?=
# The repository's address, for make address
URL ?=
# Machines that make machines pretends to be, such as "avx2 oldest"
ONLY ?=
# Further arguments for make gpu, such as --rehearse
GPU_ARGS ?=

VENV_PYTHON := .venv/bin/python
START := notebooks/00_start_here.ipynb
LAB_CONFIG := tools/lab
# Where Python is asked to look elsewhere, neither pip nor the workbook would see .venv alone.
unexport PYTHONPATH PYTHONHOME
export PYTHON TORCH_INDEX URL

.DEFAULT_GOAL := help
.PHONY: help setup lab test quick machines colab gpu record address lint format bench checkpoint clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv and install the tested versions into it (again only when they change)
	@sh tools/setup.sh

# The settings come from a file, not from arguments: then LAB_ARGS may hold any of them again.
lab: setup ## open the workbook in JupyterLab; Ctrl-C ends it
	@set -- -y; \
	if [ "$$(id -u)" = 0 ]; then set -- "$$@" --allow-root; fi; \
	if [ "$$(uname -s)" = Linux ] && [ -z "$${DISPLAY-}$${WAYLAND_DISPLAY-}$${BROWSER-}" ]; then \
		set -- "$$@" --no-browser; \
		echo "No browser can be opened from here: open the address http://… that appears below yourself."; \
	fi; \
	export XMODAL_START="$(START)" JUPYTER_CONFIG_PATH="$(LAB_CONFIG)$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}"; \
	exec $(VENV_PYTHON) -m jupyterlab "$$@" $(LAB_ARGS)

test: setup ## check style, code and notebooks
	@$(VENV_PYTHON) tools/suite.py

# make quick ROOM=joint runs the tests of one room.
quick: setup ## check style and run the fast unit tests, of all rooms or of one ROOM
	@$(VENV_PYTHON) tools/suite.py --quick $(ROOM)

# make machines ONLY="avx2 oldest" runs some of them.
machines: setup ## run the notebooks as other machines would, all or ONLY some, and say what differs
	@$(VENV_PYTHON) tools/machines.py $(ONLY)

# make gpu GPU_ARGS="--only notebooks --chapters 06" runs a part, GPU_ARGS=--rehearse tries it on the CPU.
gpu: setup ## measure notebooks, benchmarks and GPU tests on the GPU that is here, into one file
	@$(VENV_PYTHON) tools/gpu.py $(GPU_ARGS)

record: setup ## write notebooks/*.ipynb anew from notebooks/src/*.py and run them
	@$(VENV_PYTHON) tools/record.py

# make address URL=https://github.com/OWNER/NAME; without URL what follows from it is written anew.
address: setup ## put the repository's address URL everywhere: first cells, badges, README
	@$(VENV_PYTHON) tools/address.py "$$URL"

colab: setup ## run every chapter as Colab does, from its address, on Colab's versions
	@$(VENV_PYTHON) tools/colab.py

lint: setup ## check style without changing anything
	@$(VENV_PYTHON) -m ruff check . && $(VENV_PYTHON) -m ruff format --check .

format: setup ## put code into the house style
	@$(VENV_PYTHON) -m ruff check --fix . ; $(VENV_PYTHON) -m ruff format .

bench: setup ## list the benchmarks and how to run them
	@for file in benchmarks/*.py; do \
		[ -f "$$file" ] || { echo "There are no benchmarks yet."; break; }; \
		case $$file in */_*) continue ;; esac; \
		printf '  %s %s\n      %s\n' $(VENV_PYTHON) "$$file" "$$($(VENV_PYTHON) -c \
			'import ast, sys; print((ast.get_docstring(ast.parse(open(sys.argv[1], encoding="utf-8").read())) or "").split("\n")[0])' "$$file")"; \
	done

checkpoint: setup ## train the models that ship in data/
	@$(VENV_PYTHON) tools/train_checkpoint.py
	@$(VENV_PYTHON) tools/train_crowds.py

clean: ## remove caches and builds; .venv and your notebooks stay
	@rm -rf build dist .pytest_cache .ruff_cache .virtual_documents xmodal_lab.egg-info
	@find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -exec rm -rf {} +
