# Two commands: `make demo` and `make test`. Both make .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo-bundle

# The pair of releases that this code was measured with. Above 2.9.1 the aarch64 wheels of PyTorch
# bring CUDA packages of several GB.
ifeq ($(shell uname -m),aarch64)
TORCH := torch==2.9.1 torchvision==0.24.1
else
TORCH := torch==2.14.1 torchvision==0.29.1
endif

.PHONY: demo test test-slow test-runtime test-engines test-report report-pictures fuzz lint bundle x86 arm64 clean

demo: $(VENV)/installed  ## export the shipped model, measure it here, print the table
	$(BIN)/cifarq-export --out $(DEMO) --overwrite
	$(BIN)/edge-bench $(DEMO)

test: $(VENV)/installed  ## run the tests, but those marked slow
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(VENV)/installed  ## run the tests marked slow
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

test-runtime:  ## run the device's tests alone, with $(PYTHON) and without PyTorch
	$(PYTHON) -m venv --clear build/runtime-venv
	build/runtime-venv/bin/pip install --quiet --editable '.[ort,test]'
	build/runtime-venv/bin/python -m pytest -n 2 --dist loadfile -m "not slow" tests/edge_runtime

# OpenVINO would measure every ONNX artifact twice in all other tests, and ExecuTorch brings some
# twenty packages that it does not need here: both are installed beside .venv.
BESIDE := openvino executorch 'torchao>=0.18,<0.19' pytorch-tokenizers tabulate ruamel.yaml parameterized

test-engines: $(VENV)/installed  ## run the tests of the engines that are installed beside .venv
	$(BIN)/pip install --quiet --no-deps --upgrade --target build/engines $(BESIDE)
	PYTHONPATH=$(CURDIR)/build/engines $(BIN)/python -m pytest tests/engines

# The page of edge-bench report is looked at in a real browser: Debian's, driven by playwright, which
# is installed beside .venv; axe-core checks whether everyone can use it.
REPORT := build/report
AXE := build/axe-core/axe.min.js

test-report: $(VENV)/installed $(AXE)  ## run the tests of the report's page in Chromium
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -qq -y chromium >/dev/null) \
	  || { echo "chromium is absent. Run as root: apt-get install chromium" >&2; exit 1; }
	$(BIN)/pip install --quiet --upgrade --target $(REPORT) playwright
	PYTHONPATH=$(CURDIR)/$(REPORT) $(BIN)/python -m pytest tests/edge_runtime/test_page.py

$(AXE):
	mkdir -p $(@D)
	@command -v npm >/dev/null || (apt-get update -qq && apt-get install -qq -y npm >/dev/null)
	cd $(@D) && npm pack --silent axe-core >/dev/null
	tar -xzf $(@D)/axe-core-*.tgz -C $(@D) --strip-components 1 package/axe.min.js package/LICENSE

report-pictures: $(VENV)/installed  ## measure demo, other engines and a sweep; draw the README's pictures
	$(BIN)/pip install --quiet --upgrade --target $(REPORT) playwright
	PYTHONPATH=$(CURDIR)/$(REPORT) $(BIN)/python benchmarks/report_pictures.py

fuzz: $(VENV)/installed  ## draw 100,000 spoilt files of six kinds, and record what was found
	$(BIN)/python tests/robustness/fuzz.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

bundle: $(VENV)/installed  ## write again the small bundle that is kept under benchmarks/
	$(BIN)/cifarq-export --format onnx --precision int8-dynamic --target arm64 --min-speedup 0 \
	  --out benchmarks/seed-cnn-int8-bundle --overwrite

x86: $(VENV)/installed  ## the tests that compute INT8, on an emulated x86 CPU of another class too
	@command -v qemu-x86_64 >/dev/null || (apt-get update -qq && apt-get install -qq -y qemu-user >/dev/null) \
	  || { echo "qemu-x86_64 is absent. Run as root: apt-get install qemu-user" >&2; exit 1; }
	$(BIN)/python -m pytest -m int8 tests/cifarq_export

arm64: $(VENV)/installed  ## everything on emulated Cortex-A53, A72 and A76; Debian, root, and patience
	$(BIN)/python benchmarks/arm64/lay_root.py
	$(BIN)/cifarq-export --target arm64 --wheels pi-bookworm --with-torch \
	  --out build/arm64-bundle --overwrite
	$(BIN)/python benchmarks/arm64/check.py --out build
	$(BIN)/python benchmarks/arm64/outputs.py --out build

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[all]'
	touch $@

clean:
	rm -rf build $(VENV)
