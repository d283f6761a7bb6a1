# SPDX-License-Identifier: MIT
#
# GNU make, no configure step.  make help lists the targets.
#
#   CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR   as everywhere
#   DEVELOPER=1                 warnings are errors
#   SANITIZE=address,undefined  an instrumented build in a folder of its own
#   BUILD=dir                   where everything goes (default build/<variant>)

.DEFAULT_GOAL := all
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0

CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

empty :=
comma := ,
space := $(empty) $(empty)
variant := $(notdir $(firstword $(CC)))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),-coverage)
BUILD ?= build/$(variant)

# ---- flags ---------------------------------------------------------------------------------------
# $(call probe,FLAGS): the flags, if the compiler takes them.
probe = $(if $(filter ok,$(shell printf 'int main(void){return 0;}' | \
	$(CC) -Werror $(1) -x c - -o /dev/null 2>/dev/null && echo ok)),$(1))

ifeq ($(origin CFLAGS),undefined)
CFLAGS := -O2 -g
# Tests are compiled more often than they run; there are more of them than of the program.
$(addprefix $(BUILD)/tests/,unit/%.o support/%.o fuzz/%.o): TEST_CC = -O0 -g1 -U_FORTIFY_SOURCE $(PROBED_TEST_CC)
endif
WARN := -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wvla \
	-Wundef -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Wswitch-enum -Wnull-dereference -Wdouble-promotion \
	-Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion
ifneq ($(DEVELOPER),)
WARN += -Werror
endif

HARDEN_CC := -pthread -fstack-protector-strong -fno-delete-null-pointer-checks -fno-strict-overflow \
	-fno-strict-aliasing -fPIC
HARDEN_LD := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
flags_file := $(BUILD)/flags.mk
-include $(flags_file)
$(flags_file): Makefile
	@mkdir -p $(@D)
	@{ echo "PROBED_CC := $(call probe,-fstack-clash-protection) $(call probe,-fcf-protection=full) \
	$(call probe,-ftrivial-auto-var-init=zero)"; \
	echo "PROBED_LD := $(call probe,-pie)"; \
	echo "PROBED_TEST_CC := $(call probe,-ftrack-macro-expansion=0)"; \
	echo "PROBED_TEST_LD := $(call probe,-fuse-ld=gold)"; } > $@

ifneq ($(SANITIZE),)
INSTRUMENT := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
ifneq ($(COVERAGE),)
INSTRUMENT += --coverage
FORTIFY :=
endif

PKGS := openssl sqlite3 zlib
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null || echo -lssl -lcrypto -lsqlite3 -lz)
LIBRARY_LIBS := $(shell $(PKG_CONFIG) --libs openssl zlib 2>/dev/null || echo -lssl -lcrypto -lz)

# A recipe that runs hundreds of times is one shell, and starts nothing but the compiler.
folder = [ -d $(@D) ] || mkdir -p $(@D)

ALL_CPPFLAGS = -I. -D_GNU_SOURCE -DIMAPSYNC_VERSION='"$(VERSION)"' $(FORTIFY) $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARN) $(HARDEN_CC) $(PROBED_CC) $(CFLAGS) $(LIBRARY_CC) $(TEST_CC) $(INSTRUMENT)
ALL_LDFLAGS = $(HARDEN_LD) $(PROBED_LD) $(INSTRUMENT) $(LDFLAGS)

# A leak, an overflow or undefined behaviour must fail the run: Criterion hides leak reports unless the
# process aborts.
export ASAN_OPTIONS := abort_on_error=1:detect_leaks=1:$(ASAN_OPTIONS)
export UBSAN_OPTIONS := print_stacktrace=1:$(UBSAN_OPTIONS)

# ---- layers --------------------------------------------------------------------------------------
# One static library a layer; a layer is linked with those below it only.
LAYERS := base net imap store sync cmd
dir_base := core/base
dir_net := core/net
dir_imap := core/imap
dir_store := store
dir_sync := core/sync
dir_cmd := cmd
below_base := base
below_net := net base
below_imap := imap net base
below_store := store base
below_sync := sync imap store net base
below_cmd := cmd sync imap store net base

unit_stub := $(BUILD)/tests/unit/stubs/libgit2.so

define layer_rules
src_$(1) := $$(filter-out cmd/main.c,$$(sort $$(wildcard $$(dir_$(1))/*.c)))
obj_$(1) := $$(src_$(1):%.c=$(BUILD)/%.o)
$(BUILD)/lib$(1).a: $$(obj_$(1))
	@rm -f $$@
	@mkdir -p $$(@D)
	@$(AR) rcs $$@ $$^
libs_$(1) = $$(below_$(1):%=$(BUILD)/lib%.a)
test_$(1) := $$(sort $$(wildcard tests/unit/$(1)/test_*.c))
bin_$(1) := $$(test_$(1):%.c=$(BUILD)/%)
$$(bin_$(1)): $(BUILD)/%: $(BUILD)/%.o $$(libs_$(1)) $(BUILD)/libsupport.a
	@echo "  LINK  $$@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PROBED_TEST_LD) -o $$@ $$< $(BUILD)/libsupport.a $$(libs_$(1)) $(PKG_LIBS) \
		-lcriterion
.PHONY: unit-$(1)
unit-$(1): $$(bin_$(1)) $(unit_stub)
	@UNIT_STUBS=$$(dir $(unit_stub)) tests/run-unit $$(bin_$(1))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

src_support := $(sort $(wildcard tests/support/*.c))
$(BUILD)/libsupport.a: $(src_support:%.c=$(BUILD)/%.o)
	@rm -f $@
	@mkdir -p $(@D)
	@$(AR) rcs $@ $^

$(BUILD)/%.o: %.c | $(flags_file)
	@$(folder); echo "  CC    $<"; $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- products ------------------------------------------------------------------------------------
PROGRAM := $(BUILD)/imapsync

.PHONY: all
all: $(PROGRAM) lib examples

$(PROGRAM): $(BUILD)/cmd/main.o $(libs_cmd)
	@echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(libs_cmd) $(PKG_LIBS)

# ---- the library ---------------------------------------------------------------------------------
# libimap4 is the layers imap, net and base; both forms show nothing of them but what has IMAP4_API.
ABI := $(shell sed -n 's/^IMAP4_\([0-9]*\) {$$/\1/p' core/imap/imap4.map)
SONAME := libimap4.so.$(ABI)
SHARED := $(BUILD)/$(SONAME)
STATIC := $(BUILD)/libimap4.a
OBJCOPY ?= objcopy
# The library starts no threads.
library_obj := $(filter-out $(BUILD)/core/base/hasher.o,$(foreach l,$(below_imap),$(obj_$(l))))
library_headers := $(sort $(wildcard core/imap/imap4*.h))
library_manuals := $(sort $(wildcard core/imap/*.3))
# Machine code, for in the intermediate code of link-time optimisation no name can be made local.
$(library_obj): LIBRARY_CC := -fvisibility=hidden -fno-lto

.PHONY: lib
lib: $(SHARED) $(STATIC)

# Without sanitizers nothing may be missing: their runtime is in the program.
$(SHARED): $(library_obj) core/imap/imap4.map
	@echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) $(HARDEN_LD) $(INSTRUMENT) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-Bsymbolic-functions \
		-Wl,--version-script,core/imap/imap4.map $(if $(SANITIZE),,-Wl,-z,defs) -o $@ $(library_obj) $(LIBRARY_LIBS)
	@ln -sf $(SONAME) $(BUILD)/libimap4.so

# One object: only then can the names that the layers use among themselves be made local to it.
$(STATIC): $(library_obj)
	@echo "  LINK  $@"; $(CC) $(CFLAGS) -r -nostdlib -o $(@:.a=.o) $^
	@$(OBJCOPY) --localize-hidden --wildcard --keep-global-symbol='imap4_*' $(@:.a=.o)
	@rm -f $@
	@$(AR) rcs $@ $(@:.a=.o)

# The examples see the library as an installed program does: its public headers alone, as <imap4/...>.
src_examples := $(sort $(wildcard contrib/examples/*.c))
obj_examples := $(src_examples:%.c=$(BUILD)/%.o)
shared_example := $(BUILD)/contrib/examples/example.o
bin_examples := $(patsubst %.o,%,$(filter-out $(shared_example),$(obj_examples)))
seen_headers := $(library_headers:core/imap/%=$(BUILD)/include/imap4/%)

.PHONY: examples
examples: $(bin_examples)
$(seen_headers): $(BUILD)/include/imap4/%.h: core/imap/%.h
	@install -D -m 644 $< $@
$(obj_examples): $(BUILD)/%.o: %.c | $(flags_file) $(seen_headers)
	@$(folder); echo "  CC    $<"; $(CC) -I$(BUILD)/include $(FORTIFY) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(bin_examples): %: %.o $(shared_example) $(STATIC)
	@echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PROBED_TEST_LD) -o $@ $^ $(LIBRARY_LIBS)

# ---- installation --------------------------------------------------------------------------------
# $(call below_prefix,DIR): as imap4.pc says it, so that the whole tree can be moved.
below_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))

.PHONY: install install-lib uninstall
install: $(PROGRAM) install-lib
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5
	install -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/imapsync
	install -m 644 cmd/imapsync.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 cmd/imapsync.conf.5 store/imapsync-archive.5 $(DESTDIR)$(MANDIR)/man5/
install-lib: lib
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/imap4
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libimap4.so
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 644 $(library_headers) $(DESTDIR)$(INCLUDEDIR)/imap4/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call below_prefix,$(LIBDIR))|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@INCLUDEDIR@|$(call below_prefix,$(INCLUDEDIR))|' core/imap/imap4.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/imap4.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/imap4.pc
	$(if $(library_manuals),install -d $(DESTDIR)$(MANDIR)/man3)
	$(if $(library_manuals),install -m 644 $(library_manuals) $(DESTDIR)$(MANDIR)/man3/)
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/imapsync $(DESTDIR)$(MANDIR)/man1/imapsync.1 \
		$(DESTDIR)$(MANDIR)/man5/imapsync.conf.5 $(DESTDIR)$(MANDIR)/man5/imapsync-archive.5
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,$(SONAME) libimap4.so libimap4.a pkgconfig/imap4.pc) \
		$(addprefix $(DESTDIR)$(MANDIR)/man3/,$(notdir $(library_manuals)))
	rm -f $(DESTDIR)$(INCLUDEDIR)/imap4/imap4*.h
	rmdir $(DESTDIR)$(INCLUDEDIR)/imap4 2>/dev/null || true

# ---- tests ---------------------------------------------------------------------------------------
.PHONY: check check-all check-runner check-layers check-headers check-docs check-install check-live unit demo deps

# Installs what building and testing need (Debian and its relatives); says what is missing elsewhere.
deps:
	@tests/deps test

bin_unit := $(foreach l,$(LAYERS),$(bin_$(l)))

# Built side by side, also where nobody said -j: one job for each core, or as many as -j says.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1) --output-sync=target)

check: deps
	@$(MAKE) --no-print-directory check-installed

# First everything is built and what needs no server is checked. Then unit tests, which compute, run beside the live ones, which
# wait for half of their time; each says what it has to say when it is through.
.PHONY: check-installed check-built
check-installed:
	@$(MAKE) --no-print-directory $(jobs) check-built
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2 --output-sync=target) unit check-live
check-built: check-runner check-layers check-headers check-bench check-docs check-install fuzz-regress $(PROGRAM) examples $(bin_unit) $(unit_stub)

unit: $(bin_unit) $(unit_stub)
	@UNIT_STUBS=$(dir $(unit_stub)) tests/run-unit $(bin_unit)

$(unit_stub): tests/unit/no_git2.c
	@mkdir -p $(@D)
	@$(CC) -std=c11 $(WARN) -fPIC -shared -o $@ $<

check-layers:
	@tests/check-layers

check-runner:
	@tests/check-runner

# Each header stands alone: it is compiled as the first thing of a source of the program, or else by itself.
headers := $(sort $(wildcard core/*/*.h store/*.h cmd/*.h))
headers_first := $(shell awk 'FNR == 1 { first = 1 } first && /^.(include|define|if)/ { first = 0; \
	if ($$1 ~ /include/) { gsub(/"/, "", $$2); print $$2 } }' $(foreach l,$(LAYERS),$(src_$(l))))
header_checks := $(patsubst %,check-header/%,$(filter-out $(headers_first),$(headers)))
.PHONY: $(header_checks)
$(header_checks): check-header/%: %
	@$(CC) $(ALL_CPPFLAGS) -std=c11 -Wall -Wextra -fsyntax-only -x c $<
check-headers: $(header_checks) $(libs_cmd)
	@echo 'int main(void) { return 0; }' | $(CXX) -I. -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
		-include core/imap/imap4.h -x c++ -
	@echo "ok   headers: $(words $(headers)) compile alone or as the first of a source, imap4.h also as C++11"

check-docs: $(PROGRAM)
	@tests/check-docs $(PROGRAM)
	@tests/check-contrib $(PROGRAM)
	@CC='$(CC)' tests/check-api

# Programs outside of the tree against the installed library.
check-install: $(PROGRAM) lib
	@MAKE='$(MAKE)' CC='$(CC)' CXX='$(CXX)' INSTRUMENT='$(INSTRUMENT)' tests/check-install $(BUILD)

check-live: $(PROGRAM) examples
	@tests/live/run $(PROGRAM)

# The thread sanitizer, over a plain program: Criterion does not start under it.
.PHONY: check-threads
check-threads:
	@$(MAKE) --no-print-directory BUILD=build/threads SANITIZE=thread build/threads/tests/threads/hasher
	@build/threads/tests/threads/hasher && echo "ok   threads: no race"
$(BUILD)/tests/threads/hasher: $(BUILD)/tests/threads/hasher.o $(BUILD)/libbase.a
	@echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# The long suites: more kills, cuts and bytes; everything again under the sanitizers and with the other compiler.
check-all: check
	@IMAPSYNC_LONG=1 $(MAKE) --no-print-directory unit-store check-live
	@$(MAKE) --no-print-directory check-threads
	@$(MAKE) --no-print-directory SANITIZE=address,undefined CFLAGS="-O1 -g" check-installed
	@$(MAKE) --no-print-directory CC=clang DEVELOPER=1 all unit

demo:
	@tests/deps build server
	@$(MAKE) --no-print-directory all
	@tests/demo $(PROGRAM)

# ---- fuzzing -------------------------------------------------------------------------------------
# Every target is also an ordinary program that runs its corpus, so that it cannot rot.
src_fuzz := $(sort $(wildcard tests/fuzz/fuzz_*.c))
bin_fuzz := $(src_fuzz:%.c=$(BUILD)/%)
.PHONY: fuzz-objects fuzz-regress fuzz
fuzz-objects: $(bin_fuzz)
$(bin_fuzz): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/fuzz/standalone.o $(libs_cmd) $(BUILD)/libsupport.a
	@echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PROBED_TEST_LD) -o $@ $< $(BUILD)/tests/fuzz/standalone.o $(BUILD)/libsupport.a \
		$(libs_cmd) $(PKG_LIBS)
fuzz-regress: $(bin_fuzz)
	@for t in $(bin_fuzz); do n=$${t##*/fuzz_}; "$$t" tests/fuzz/corpus/"$$n" || exit 1; done

# make fuzz FUZZ_SECONDS=600: libFuzzer with address and undefined behaviour sanitizers, one target after the other.
FUZZ_SECONDS ?= 60
fuzz:
	@$(MAKE) --no-print-directory CC=clang BUILD=build/fuzz SANITIZE=fuzzer-no-link,address,undefined \
		$(LAYERS:%=build/fuzz/lib%.a) build/fuzz/libsupport.a $(src_fuzz:%.c=build/fuzz/%.o)
	@for t in $(basename $(notdir $(src_fuzz))); do n=$${t#fuzz_}; \
		clang -fsanitize=fuzzer,address,undefined -o build/fuzz/$$t build/fuzz/tests/fuzz/$$t.o build/fuzz/libsupport.a \
			$(below_cmd:%=build/fuzz/lib%.a) $(PKG_LIBS); \
		mkdir -p build/fuzz/corpus/$$n; \
		build/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
			build/fuzz/corpus/$$n tests/fuzz/corpus/$$n; done

# ---- benchmark -----------------------------------------------------------------------------------
# make bench [QUICK=1] [CASES="G1 G4"] [ROUNDS=3] [OUT=FILE] [KEEP=1]: see tests/bench/README.md.
bench_raw := raw raw_conn raw_boxes raw_drain raw_changes raw_push
bench_programs := $(addprefix $(BUILD)/tests/bench/,raw timed hashloop tunlink relay)
.PHONY: bench bench-installed bench-scale bench-programs check-bench
bench:
	@test -z "$(SANITIZE)$(COVERAGE)" || { echo "an instrumented build cannot be measured" >&2; exit 64; }
	@tests/deps build bench
	@$(MAKE) --no-print-directory bench-installed
bench-programs: $(bench_programs)
check-bench: $(bench_programs)
	@out=$$(python3 tests/bench/test_table.py 2>&1 && python3 tests/bench/test_model.py 2>&1 && \
		python3 tests/bench/test_tools.py $(BUILD)/tests/bench 2>&1) || \
		{ echo "$$out"; exit 1; }; echo "ok   bench: the tools and the arithmetic of the benchmark"
bench-installed: $(PROGRAM) $(bench_programs)
	@tests/bench/run $(if $(QUICK),--quick) $(if $(CASES),--cases "$(CASES)") $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(OUT),--out "$(OUT)") $(if $(KEEP),--keep) --tools $(BUILD)/tests/bench $(PROGRAM)
# make bench-scale [ROUNDS=5] [SCALE="--accounts 10000 --hours 6"] [OUT=FILE]: what a run costs, and a fleet of accounts.
bench-scale: $(PROGRAM) $(bench_programs)
	@tests/bench/scale.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(OUT),--out "$(OUT)") $(SCALE) \
		--tools $(BUILD)/tests/bench $(PROGRAM)
$(BUILD)/tests/bench/raw: $(bench_raw:%=$(BUILD)/tests/bench/%.o)
$(BUILD)/tests/bench/timed: $(BUILD)/tests/bench/timed.o
$(BUILD)/tests/bench/hashloop: $(BUILD)/tests/bench/hashloop.o
$(BUILD)/tests/bench/tunlink: $(BUILD)/tests/bench/tunlink.o $(BUILD)/tests/bench/delay.o
$(BUILD)/tests/bench/relay: $(BUILD)/tests/bench/relay.o $(BUILD)/tests/bench/delay.o
$(bench_programs):
	@echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PROBED_TEST_LD) -o $@ $^ $(PKG_LIBS)

# ---- housekeeping --------------------------------------------------------------------------------
.PHONY: lint format clean help
# The check for "insecure" calls wants C11's annex K, which no libc here has.
TIDY_CHECKS := --checks='clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'
lint:
	@clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	@clang-tidy --quiet --warnings-as-errors='*' $(TIDY_CHECKS) $(foreach l,$(LAYERS),$(src_$(l))) cmd/main.c -- $(ALL_CPPFLAGS) -std=c11

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

help:
	@echo "make                  build $(PROGRAM)"
	@echo "make demo             a backup of a throw-away mail server, start to end"
	@echo "make check            install what tests need, build, run the tests (minutes)"
	@echo "make check-all        the same under sanitizers and with clang (longer)"
	@echo "make unit-LAYER       unit tests of one layer: $(LAYERS)"
	@echo "make check-threads    the thread that hashes, under the thread sanitizer"
	@echo "make fuzz             fuzz every parser, FUZZ_SECONDS=60 each (clang)"
	@echo "make bench            measure against mbsync and what the machine allows (tests/bench/README.md)"
	@echo "make bench-scale      what a run costs by folders and messages, and what many accounts need"
	@echo "make lib examples     libimap4 (shared, static) and small programs that use it (contrib/examples)"
	@echo "make install          to PREFIX=$(PREFIX), with DESTDIR; install-lib: the library alone"
	@echo "make lint, make clean"
