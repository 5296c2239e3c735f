# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of a stranger and of CI; the build itself is meson's.
BUILD ?= build
AGENT ?= build-agent
export KILN_HOME ?= /var/lib/kiln

.PHONY: all run stop check agents bench fmt style install clean setup

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

setup:
	@tools/setup-debian --build

# Fresh Debian 12 to a running Kiln that has done its main job once.
run: setup all
	@tools/main-job $(BUILD)

stop:
	@if [ -x $(BUILD)/kilnd ]; then $(BUILD)/kilnd --home $(KILN_HOME) --stop; fi

check:
	@tools/setup-debian --build --test $(if $(filter long,$(SUITES)),--long)
	@tests/check $(SUITES)

# The launch agents: the programs for Windows in build-agent, the tested part in build-agent-native.
agents: $(AGENT)/build.ninja $(AGENT)-native/build.ninja
	@ninja -C $(AGENT)-native
	@ninja -C $(AGENT)

$(AGENT)/build.ninja:
	@tools/setup-debian --build --agent
	meson setup $(AGENT) agent --cross-file agent/mingw.cross

$(AGENT)-native/build.ninja:
	@tools/setup-debian --build --agent
	meson setup $(AGENT)-native agent

bench: setup all
	@tools/setup-debian --test
	@bench/run
	@bench/ready --build $(BUILD)
	@bench/windows $(BUILD)
	@bench/api --build $(BUILD)

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

style:
	@tools/check-style

install: all
	meson install -C $(BUILD)

clean: stop
	rm -rf $(BUILD)
