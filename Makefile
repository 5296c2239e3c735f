# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of a stranger and of CI; the build itself is meson's.
BUILD ?= build
export KILN_HOME ?= /var/lib/kiln

.PHONY: all run stop check bench fmt style install clean setup

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
	@tools/setup-debian --build --test
	@tests/check $(SUITES)

bench: setup all
	@bench/run

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

style:
	@tools/check-style

install: all
	meson install -C $(BUILD)

clean: stop
	rm -rf $(BUILD)
