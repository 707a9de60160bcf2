# Berth: build, tests and checks. `make help` lists what can be asked for.
#
# Every compiler and set of sanitizers has a folder of its own (build/gcc, build/clang,
# build/gcc-address-undefined, ...), so that they can be built side by side; build/berth is a link to
# the last plain build. What matters to a user:
#
#   CC=clang  SANITIZE=address,undefined  WERROR=1  V=1 (show commands)  T=name (only that test)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
BUILD   ?= build
ENGINE  ?= default
SECONDS ?= 60
Q       := $(if $(V),,@)

comma := ,
space := $(subst ,, )
variant := $(notdir $(firstword $(CC)))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
variant := $(variant)$(if $(COVERAGE),-coverage)$(if $(WERROR),-werror)
OUT := $(BUILD)/$(variant)

# --- what there is -------------------------------------------------------------------------------

FOLDERS := base specs clients reconcilers controller cli
SOURCES := $(foreach folder,$(FOLDERS),$(wildcard $(folder)/*.c))
HEADERS := $(foreach folder,$(FOLDERS),$(wildcard $(folder)/*.h)) $(wildcard controller/runner/*.h)
RUNNER_SOURCES := $(wildcard controller/runner/*.c)
TOOL_SOURCES := $(wildcard tools/*.c)

OBJECTS := $(SOURCES:%.c=$(OUT)/%.o) $(OUT)/controller/runner_blob.o

UNIT_SOURCES    := $(wildcard tests/unit/test_*.c)
CASE_SOURCES    := $(wildcard tests/cases/run_*.c)
FUZZ_SOURCES    := $(wildcard tests/fuzz/fuzz_*.c)
# Programs that the bats files run, BERTH_TEST_PROGRAMS/integration/NAME.
ENGINE_SOURCES  := $(wildcard tests/integration/*.c) $(wildcard tests/faults/*.c)
# A program of several files: an engine that fails as it is told.
FAKE_SOURCES    := $(wildcard tests/support/fake_engine/*.c)
# Preloaded into the binary under test.
PRELOAD_SOURCES := $(wildcard tests/preload/*.c)
# What Berth is measured against: has nothing of Berth in it.
BENCH_SOURCES   := $(wildcard tests/bench/*.c)
# The model test: has nothing of Berth in it but base/.
MODEL_SOURCES   := $(wildcard tests/model/*.c)
# Fakes and helpers that any test may use; linked only where something of theirs is called.
SUPPORT_SOURCES := $(wildcard tests/support/*.c) \
                   $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c)) \
                   $(filter-out $(CASE_SOURCES),$(wildcard tests/cases/*.c))
TEST_SOURCES    := $(UNIT_SOURCES) $(CASE_SOURCES) $(FUZZ_SOURCES) $(ENGINE_SOURCES) \
                   $(PRELOAD_SOURCES) $(SUPPORT_SOURCES) $(MODEL_SOURCES) \
                   $(FAKE_SOURCES) $(BENCH_SOURCES) tests/fuzz/run_corpus.c
TEST_HEADERS    := $(wildcard tests/*/*.h) $(wildcard tests/*/*/*.h)

UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(OUT)/%)
CASE_PROGRAMS := $(CASE_SOURCES:%.c=$(OUT)/%)
FUZZ_PROGRAMS := $(FUZZ_SOURCES:%.c=$(OUT)/%)
FAKE_ENGINE     := $(OUT)/tests/integration/fake_engine
MODEL           := $(OUT)/tests/model/model
BENCH_PROGRAMS  := $(BENCH_SOURCES:%.c=$(OUT)/%)
ENGINE_PROGRAMS := $(ENGINE_SOURCES:%.c=$(OUT)/%) $(FAKE_ENGINE) \
                   $(PRELOAD_SOURCES:tests/preload/%.c=$(OUT)/tests/integration/%.so)

# --- flags ---------------------------------------------------------------------------------------

LIBRARIES := yaml-0.1 jansson libcurl libgit2 libuv nettle libcrypto

# Asked once and only when something is compiled, so `make help` works where pkg-config is missing.
LIBRARY_CFLAGS = $(eval LIBRARY_CFLAGS := $$(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null))$(LIBRARY_CFLAGS)
LIBRARY_LIBS   = $(eval LIBRARY_LIBS := $$(shell pkg-config --libs $(LIBRARIES)))$(LIBRARY_LIBS)
CMOCKA_LIBS    = $(eval CMOCKA_LIBS := $$(shell pkg-config --libs cmocka))$(CMOCKA_LIBS)

WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wvla -Wundef -Wcast-qual \
            -Wimplicit-fallthrough $(if $(WERROR),-Werror)

# _FORTIFY_SOURCE hides bugs from the sanitizers, and means nothing without optimisation.
HARDENING := -fstack-protector-strong -fPIE \
             $(if $(SANITIZE)$(COVERAGE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
INSTRUMENTS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
                   -fno-omit-frame-pointer) \
               $(if $(COVERAGE),--coverage -O0)

CPPFLAGS_ALL = -I. -D_GNU_SOURCE $(LIBRARY_CFLAGS) $(CPPFLAGS)
COMPILE = $(CC) -std=gnu17 $(CPPFLAGS_ALL) $(CFLAGS) $(WARNINGS) $(HARDENING) $(INSTRUMENTS)
LINK = $(CC) $(CFLAGS) $(INSTRUMENTS) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

# The runner goes into containers of any image: static, small, and never instrumented.
RUNNER_COMPILE = $(CC) -std=gnu17 -I. -D_GNU_SOURCE $(WARNINGS) -Os -g0 -fno-pie -static \
                 -ffunction-sections -fdata-sections -Wl,--gc-sections -s

# --- building ------------------------------------------------------------------------------------

.PHONY: all FORCE
all: $(OUT)/berth ## build the binary, build/berth
ifeq ($(SANITIZE)$(COVERAGE)$(WERROR),)
	@ln -sfn $(variant)/berth $(BUILD)/berth
endif

$(OUT)/berth: $(OBJECTS) $(OUT)/objects
	@printf '  LINK    %s\n' $@
	$(Q)$(LINK) -Wl,--export-dynamic-symbol=_gnutls_global_init_skip -o $@ $(OBJECTS) $(LIBRARY_LIBS)

$(OUT)/berth-runner: $(RUNNER_SOURCES) $(wildcard controller/runner/*.h) $(OUT)/flags
	@printf '  RUNNER  %s\n' $@
	$(Q)$(RUNNER_COMPILE) -o $@ $(RUNNER_SOURCES)

# All but main(), for the tests. Made anew each time, or objects of deleted sources would stay in it.
$(OUT)/libberth.a: $(filter-out $(OUT)/cli/main.o,$(OBJECTS)) $(OUT)/objects
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter-out $(OUT)/objects,$^)

# Writes the pages of docs/reference.
$(OUT)/berth-reference: $(OUT)/tools/write_reference.o $(OUT)/libberth.a
	$(Q)$(LINK) -o $@ $^ $(LIBRARY_LIBS)

# banned.h makes functions that must not be used fail to compile.
$(SOURCES:%.c=$(OUT)/%.o) $(TOOL_SOURCES:%.c=$(OUT)/%.o): $(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@printf '  CC      %s\n' $<
	$(Q)$(COMPILE) -include base/banned.h -MMD -MP -c -o $@ $<

# Which commit is known to one object only; "" where this is no clone.
$(OUT)/commit: FORCE
	@mkdir -p $(@D)
	@commit=$$(test -e .git && git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null); \
	    echo "$$commit" | cmp -s - $@ || echo "$$commit" >$@
$(OUT)/cli/cmd_version.o: $(OUT)/commit
$(OUT)/cli/cmd_version.o: private CPPFLAGS += -DBERTH_COMMIT='"$(shell cat $(OUT)/commit)"'

$(OUT)/controller/runner_blob.o: controller/runner_blob.S $(OUT)/berth-runner
	@mkdir -p $(@D)
	$(Q)digest=$$(sha256sum $(OUT)/berth-runner) && \
	    $(CC) -DBERTH_RUNNER_PATH='"$(OUT)/berth-runner"' -DBERTH_RUNNER_DIGEST="\"$${digest%% *}\"" -c -o $@ $<

$(OUT)/tests/%.o: tests/%.c $(OUT)/flags | check-dependencies-tests
	@mkdir -p $(@D)
	@printf '  CC      %s\n' $<
	$(Q)$(COMPILE) $(if $(filter tests/fuzz/%,$<),-Wno-missing-prototypes) -MMD -MP -c -o $@ $<

# These two remember the command line and the list of sources: when one changes, what was made with
# the old one is made again.
$(OUT)/flags: FORCE | check-dependencies
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(RUNNER_COMPILE)' | cmp -s - $@ || echo '$(COMPILE) $(RUNNER_COMPILE)' >$@

$(OUT)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' >$@

-include $(SOURCES:%.c=$(OUT)/%.d) $(TOOL_SOURCES:%.c=$(OUT)/%.d) $(TEST_SOURCES:%.c=$(OUT)/%.d)

# --- what must be installed ----------------------------------------------------------------------

INSTALL_HINT := (deploy/bootstrap.sh installs all that is missing, and knows the dnf and apk names)

# pkg-config name and Debian package of each library
PACKAGES := yaml-0.1=libyaml-dev jansson=libjansson-dev libcurl=libcurl4-openssl-dev \
            libgit2=libgit2-dev libuv=libuv1-dev nettle=nettle-dev libcrypto=libssl-dev

.PHONY: check-dependencies check-dependencies-tests
check-dependencies:
	@for tool in $(firstword $(CC)) pkg-config; do \
	    command -v "$$tool" >/dev/null || \
	        { echo "$$tool is missing: apt install $$tool $(INSTALL_HINT)" >&2; exit 1; }; \
	done
	@found=yes; for pair in $(PACKAGES); do \
	    pkg-config --exists "$${pair%=*}" || { found=no; \
	        echo "$${pair%=*} is missing: apt install $${pair#*=} $(INSTALL_HINT)" >&2; }; \
	done; test $$found = yes
	@echo '#include <uthash.h>' | $(CC) $(CPPFLAGS) -E -o /dev/null - 2>/dev/null || \
	    { echo "uthash is missing: apt install uthash-dev $(INSTALL_HINT)" >&2; exit 1; }

check-dependencies-tests:
	@pkg-config --exists cmocka || \
	    { echo "cmocka is missing: apt install libcmocka-dev $(INSTALL_HINT)" >&2; exit 1; }

# --- tests ---------------------------------------------------------------------------------------

$(FAKE_ENGINE): $(FAKE_SOURCES:%.c=$(OUT)/%.o) $(OUT)/libberth.a
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBRARY_LIBS)

$(UNIT_PROGRAMS) $(CASE_PROGRAMS) $(ENGINE_SOURCES:%.c=$(OUT)/%): %: %.o $(SUPPORT_SOURCES:%.c=$(OUT)/%.o) $(OUT)/libberth.a
	$(Q)$(LINK) -o $@ $^ $(LIBRARY_LIBS) $(CMOCKA_LIBS)

# It takes the place of functions of the C library, so it is as plain as they are.
$(OUT)/tests/integration/%.so: tests/preload/%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O2 -fPIC -shared -o $@ $<

# A fuzz target runs over its corpus as a plain test, or, built for `make fuzz`, under libFuzzer.
FUZZ_MAIN := $(if $(findstring fuzzer,$(SANITIZE)),,$(OUT)/tests/fuzz/run_corpus.o)
$(FUZZ_PROGRAMS): %: %.o $(FUZZ_MAIN) $(SUPPORT_SOURCES:%.c=$(OUT)/%.o) $(OUT)/libberth.a
	$(Q)$(LINK) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $@ $^ $(LIBRARY_LIBS) $(CMOCKA_LIBS)

$(MODEL): $(MODEL_SOURCES:%.c=$(OUT)/%.o) $(OUT)/libberth.a
	$(Q)$(LINK) -o $@ $^ $(LIBRARY_LIBS)

$(BENCH_PROGRAMS): %: %.o
	$(Q)$(LINK) -o $@ $^ $(LIBRARY_LIBS)

ALL_PROGRAMS := $(UNIT_PROGRAMS) $(CASE_PROGRAMS) $(FUZZ_PROGRAMS)
PROGRAMS := $(if $(T),$(filter %/$(T),$(ALL_PROGRAMS)),$(ALL_PROGRAMS))

# Each command in quotes: a program, and what it reads.
TEST_COMMANDS = $(foreach program,$(filter $(UNIT_PROGRAMS),$(PROGRAMS)),'$(program)') \
    $(foreach program,$(filter $(CASE_PROGRAMS),$(PROGRAMS)),'$(program) tests/cases') \
    $(foreach program,$(filter $(FUZZ_PROGRAMS),$(PROGRAMS)),'$(program) \
        tests/fuzz/corpora/$(patsubst fuzz_%,%,$(notdir $(program)))')

.PHONY: test test-integration test-faults test-model crash-sweep fault-sweep valgrind stress soak fuzz coverage
test: $(PROGRAMS) $(OUT)/berth-runner ## unit tests, cases and corpora
	@BERTH_RUNNER=$(abspath $(OUT)/berth-runner) \
	    tests/support/run_tests.sh -l $(OUT)/test-logs $(TEST_COMMANDS)

# bats has a limit for each test, so there is none for all of them. A lane has its own engine.
LANES ?= $(if $(findstring ://,$(ENGINE)),1,2)
BATS_LIMIT ?= 180
RUN_BATS = BERTH=$(abspath $(OUT)/berth) BERTH_TEST_PROGRAMS=$(abspath $(OUT)/tests) \
    BERTH_TEST_ENGINE=$(ENGINE) BATS_TEST_TIMEOUT=$(BATS_LIMIT) tests/support/run_tests.sh -v -t 0 -l $(OUT)/test-logs
test-integration: $(OUT)/berth $(ENGINE_PROGRAMS) ## the real binary on a real engine: ENGINE=default|newest|URL, LANES=2, T="file ..."
	@$(if $(T),$(RUN_BATS) 'bats --tap $(T:%=tests/integration/%.bats)',\
	    tests/support/lanes.sh $(LANES) tests/integration/*.bats | xargs -d '\n' env $(RUN_BATS) -j)

test-faults: $(OUT)/berth $(ENGINE_PROGRAMS) $(MODEL) ## lost replies, crashes at every step, restarts of the engine: LANES=2, T=file
	@$(if $(T),$(RUN_BATS) 'bats --tap tests/faults/$(T).bats',\
	    tests/support/lanes.sh $(LANES) tests/faults/*.bats | xargs -d '\n' env $(RUN_BATS) -j)

# CRASH='after POINT' kills there only; a failing run prints what to write.
crash-sweep: BATS_LIMIT = 86400
crash-sweep: $(OUT)/berth $(ENGINE_PROGRAMS) ## killed at every change of a scenario, by hand: S=instance|pool|task
	@CRASH='$(or $(CRASH),all)' $(RUN_BATS) 'bats --tap -f $(or $(S),.) tests/faults/crashes.bats'

fault-sweep: $(OUT)/berth $(FAKE_ENGINE) ## a scenario rerun with each call failing in each way, by hand: SWEEP="all|sample N|SCENARIO [RULE]"
	@BERTH=$(abspath $(OUT)/berth) BERTH_TEST_PROGRAMS=$(abspath $(OUT)/tests) tests/faults/sweep.sh $(or $(SWEEP),sample 100)

valgrind: $(OUT)/berth ## the controller under memcheck: create, recreate, scale, task, deletion
	@$(RUN_BATS) 'bats --tap tests/faults/memory.bats'

test-model: $(OUT)/berth $(MODEL) $(FAKE_ENGINE) ## random sequences, compared with the engine: SEEDS=1-1000 ENGINE=fake|default|URL LANES=n
	@BERTH=$(abspath $(OUT)/berth) MODEL=$(abspath $(MODEL)) FAKE_ENGINE=$(abspath $(FAKE_ENGINE)) \
	    tests/support/run_tests.sh -v -t 0 -l $(OUT)/test-logs \
	    'tests/model/run.sh --seeds $(or $(SEEDS),1-10) --engine $(if $(filter file,$(origin ENGINE)),fake,$(ENGINE))$(if $(filter file,$(origin LANES)),, --lanes $(LANES))'

stress: $(PROGRAMS) ## one unit test over and over until it fails: T=test_name RUNS=200
	@test -n '$(T)' || { echo "say which test: make stress T=test_name" >&2; exit 2; }
	@run=0; while test $$run -lt $(or $(RUNS),200); do run=$$((run + 1)); \
	    tests/support/run_tests.sh -l $(OUT)/test-logs $(TEST_COMMANDS) >$(OUT)/stress.log || \
	        { cat $(OUT)/stress.log; echo "failed in run $$run"; exit 1; }; \
	done; echo "$(T): $$run runs without a failure"

soak: $(OUT)/berth ## churn on a real engine, and what it leaves: MINUTES=20
	@BERTH=$(abspath $(OUT)/berth) ENGINE=$(ENGINE) tests/soak/soak.sh $(or $(MINUTES),20)

.PHONY: bench
bench: $(OUT)/berth $(BENCH_PROGRAMS) $(FAKE_ENGINE) ## what Berth costs beside others, on a quiet machine: ROUNDS=5 ONLY="containers idle ..."
	@BERTH=$(abspath $(OUT)/berth) BARE_API=$(abspath $(OUT)/tests/bench/bare_api) FAKE_ENGINE=$(abspath $(FAKE_ENGINE)) \
	    tests/bench/run.sh --rounds $(or $(ROUNDS),5) $(if $(ONLY),--only '$(ONLY)')

FUZZ_SANITIZE := address,undefined,fuzzer-no-link
FUZZ_OUT := $(BUILD)/clang-$(subst $(comma),-,$(FUZZ_SANITIZE))
# How long: SECONDS, or so many inputs: RUNS.
FUZZ_LIMIT = -timeout=20 -max_len=$(or $(MAX_LEN),2048) $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(SECONDS))
FUZZ_DICTIONARY = $(addprefix -dict=,$(wildcard tests/fuzz/dictionaries/$(TARGET).dict))
fuzz: ## feed noise to a parser: TARGET=name SECONDS=60 (or RUNS=2000000, MAX_LEN=2048)
	@test -f 'tests/fuzz/fuzz_$(TARGET).c' || { echo "say which: make fuzz TARGET=name, one of" \
	    $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SOURCES)) >&2; exit 2; }
	@$(MAKE) --no-print-directory CC=clang SANITIZE=$(FUZZ_SANITIZE) \
	    $(FUZZ_OUT)/tests/fuzz/fuzz_$(TARGET)
	@mkdir -p $(BUILD)/fuzz/$(TARGET)/found tests/fuzz/corpora/$(TARGET)
	$(FUZZ_OUT)/tests/fuzz/fuzz_$(TARGET) $(FUZZ_LIMIT) -print_final_stats=1 $(FUZZ_DICTIONARY) \
	    -artifact_prefix=$(BUILD)/fuzz/$(TARGET)/ $(BUILD)/fuzz/$(TARGET)/found \
	    tests/fuzz/corpora/$(TARGET)

coverage: ## which lines `make test` reaches, per folder
	@find $(BUILD)/gcc-coverage -name '*.gcda' -delete 2>/dev/null || true
	-@$(MAKE) --no-print-directory CC=gcc COVERAGE=1 test
	@tests/support/coverage.sh $(BUILD)/gcc-coverage $(FOLDERS)

# --- checks --------------------------------------------------------------------------------------

.PHONY: check check-format check-layers check-layer-runner check-headers format
check: ## all that CI runs; ends with "N passed, N failed"
	@ENGINE='$(ENGINE)' tests/support/check.sh

FORMATTED = $(SOURCES) $(HEADERS) $(RUNNER_SOURCES) $(TOOL_SOURCES) $(wildcard $(TEST_SOURCES)) $(TEST_HEADERS)
check-format: ## the layout is clang-format's, and comments are no wider
	@clang-format --dry-run -Werror $(FORMATTED)
	@! LC_ALL=C.UTF-8 grep -nE '^.{101,}$$' $(FORMATTED) || { echo 'lines of more than 100 columns' >&2; false; }

format: ## let clang-format lay the sources out
	clang-format -i $(FORMATTED)

# What each folder may include besides itself: all of other folders, or single headers. Nothing else.
MAY_INCLUDE_base        :=
MAY_INCLUDE_specs       := base
MAY_INCLUDE_clients     := base
MAY_INCLUDE_reconcilers := specs base
MAY_INCLUDE_controller  := reconcilers specs clients base
MAY_INCLUDE_cli         := reconcilers specs clients base
DOORS_cli               := controller/run.h controller/dry_run.h controller/options.h controller/spec_scan.h \
                           controller/disk_notes.h controller/disk_survey.h \
                           controller/cgroup_means.h controller/policy_read.h \
                           controller/port_probe.h controller/settings.h \
                           controller/settings.def controller/config_file.h \
                           controller/status_path.h

either = $(subst $(space),|,$(strip $(1)))

check-layers: $(FOLDERS:%=check-layer-%) check-layer-runner ## includes point only down the layers
check-layer-%:
	@! grep -rnE '^ *# *include "' $(wildcard $*/) /dev/null | grep -v '^controller/runner/' | \
	    grep -vE '# *include "(($(call either,$* $(MAY_INCLUDE_$*)))/|($(call either,$(DOORS_$*)))")'
# The runner is a program of its own that runs in other people's containers.
check-layer-runner:
	@! grep -nE '^ *# *include "' $(RUNNER_SOURCES) /dev/null | grep -v '"controller/runner/'

check-headers: ## every header compiles by itself
	@for header in $(HEADERS) $(TEST_HEADERS); do \
	    $(CC) -std=gnu17 $(CPPFLAGS_ALL) -Wall -Wextra -Werror -fsyntax-only -x c \
	        -include "$$header" /dev/null || exit 1; done

.PHONY: analyze analyze-tidy analyze-cppcheck analyze-gcc
analyze: analyze-tidy analyze-cppcheck ## clang-tidy and cppcheck (analyze-gcc: gcc -fanalyzer)

# A source is looked at again when it, a header or the list of checks changed.
analyze-tidy: $(patsubst %.c,$(BUILD)/tidy/%.ok,$(SOURCES) $(RUNNER_SOURCES) $(TOOL_SOURCES))
$(BUILD)/tidy/%.ok: %.c $(HEADERS) .clang-tidy
	@mkdir -p $(@D)
	@printf '  TIDY    %s\n' $<
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu17 $(CPPFLAGS_ALL) 2>$@.log || \
	    { cat $@.log; exit 1; }
	@touch $@

# It does not know the cleanup attribute, so its leak checks are off: the leak sanitizer sees those.
# readdir_r is what it wants instead of readdir, and is deprecated. NULL ends the argument lists of
# our variadic functions, and is a pointer on every system we build for. The symbols around the runner
# in the binary are two objects to it.
CPPCHECK_OFF := memleak resourceLeak readdirCalled varFuncNullUB comparePointers missingIncludeSystem
analyze-cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	$(Q)cppcheck --quiet --enable=warning,performance,portability --inline-suppr \
	    --error-exitcode=1 --std=c11 --library=posix -D_GNU_SOURCE -I. \
	    $(CPPCHECK_OFF:%=--suppress=%) --cppcheck-build-dir=$(BUILD)/cppcheck \
	    $(SOURCES) $(RUNNER_SOURCES) $(TOOL_SOURCES)

analyze-gcc:
	@$(MAKE) --no-print-directory CC=gcc BUILD=$(BUILD)/analyzer CFLAGS='-O2 -g -fanalyzer'

# --- documentation and examples ------------------------------------------------------------------

.PHONY: docs check-docs check-examples man
docs: $(OUT)/berth-reference $(OUT)/berth ## write docs/reference from the tables of kinds, commands and settings
	@mkdir -p docs/reference
	@$(OUT)/berth-reference docs/reference
	@$(OUT)/berth __pages commands.md >docs/reference/commands.md

check-docs: $(OUT)/berth-reference $(OUT)/berth ## docs/reference is what `make docs` writes; docs/status.md is complete
	@rm -rf $(OUT)/reference && mkdir -p $(OUT)/reference
	@$(OUT)/berth-reference $(OUT)/reference
	@$(OUT)/berth __pages commands.md >$(OUT)/reference/commands.md
	@diff -ru docs/reference $(OUT)/reference || \
	    { echo "docs/reference is not up to date: run make docs" >&2; exit 1; }
	@tests/support/check_status_words.sh

man: $(OUT)/berth ## write the manual pages into build/man
	@rm -rf $(BUILD)/man && mkdir -p $(BUILD)/man
	@set -e; for page in $$($(OUT)/berth __pages); do $(OUT)/berth __pages "$$page" >"$(BUILD)/man/$$page"; done

check-examples: $(OUT)/berth ## every file below examples/ is valid, and listed in its README
	@BERTH=$(OUT)/berth tests/support/check_examples.sh

# --- the rest ------------------------------------------------------------------------------------

.PHONY: help demo install clean distclean
help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the main job, end to end, on this machine's engine or a private one
	@examples/demo.sh

# Nothing is enabled or started, and a spec directory that is there stays as it is.
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
UNITS := berth.service berth-docker-group.service
MAN_DIR ?= $(PREFIX)/share/man
install: $(OUT)/berth man ## put binary, manual pages, completion, units and folders below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 $(OUT)/berth '$(DESTDIR)$(PREFIX)/bin/berth'
	install -d '$(DESTDIR)$(MAN_DIR)/man1' '$(DESTDIR)$(MAN_DIR)/man5'
	install -m 644 $(BUILD)/man/*.1 '$(DESTDIR)$(MAN_DIR)/man1'
	install -m 644 $(BUILD)/man/*.5 '$(DESTDIR)$(MAN_DIR)/man5'
	@set -e; for pair in bash:bash-completion/completions/berth zsh:zsh/site-functions/_berth \
	        fish:fish/vendor_completions.d/berth.fish; do \
	    file='$(DESTDIR)$(PREFIX)/share/'"$${pair#*:}"; \
	    install -d "$$(dirname "$$file")"; \
	    $(OUT)/berth completion "$${pair%%:*}" >"$$file"; \
	    chmod 644 "$$file"; done
	@set -e; for unit in $(UNITS); do \
	    install -d '$(DESTDIR)$(UNIT_DIR)'; \
	    sed 's#/usr/local/bin/#$(PREFIX)/bin/#' deploy/$$unit >'$(DESTDIR)$(UNIT_DIR)'/$$unit; \
	    chmod 644 '$(DESTDIR)$(UNIT_DIR)'/$$unit; done
	install -D -m 644 deploy/berth.sysusers '$(DESTDIR)$(PREFIX)/lib/sysusers.d/berth.conf'
	install -d -m 755 '$(DESTDIR)/etc/berth' '$(DESTDIR)/etc/berth/specs'

# What still runs out of this folder goes first; an engine has mounts in it.
clean: ## remove what was built (distclean: the cached newest engine too)
	@test ! -d $(BUILD)/demo || examples/demo.sh stop
	@test ! -d $(BUILD)/engine || tests/support/engine.sh down --purge --dir $(BUILD)/engine
	@test ! -d $(BUILD) || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name newest-root \
	    -exec rm -rf --one-file-system {} +

distclean: clean
	rm -rf --one-file-system $(BUILD)
