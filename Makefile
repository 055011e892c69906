# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup: incremental backup of block devices with dm-era.
#
#   make                  build the programs and libera.a into build/
#   make man              build the manual pages from docs/*.scd (needs scdoc)
#   make install          install programs and manuals; DESTDIR= and PREFIX= as usual (PREFIX=/usr/local)
#   make check            unit, corpus, command-line tests, past finds of the fuzzers: everything that needs no dm-era
#   make check-vm         the tests on a real kernel's dm-era, in QEMU (needs root)
#   make bench            figures, all of them (needs root and scripts/deps bench; an hour):
#   make bench-pipelines  copying, applying, verifying, restoring beside what the machine could do and what others do
#   make bench-list       listing 268 million era blocks beside era_invalidate
#   make bench-memory     peak memory with a device of 16 TiB; erabackup with a large chain, over ssh, and merging
#   make bench-still      how long a device stands still for a cut
#   make bench-cost       how fast a disk is with dm-era on it, by the size of an era block
#   make bench-growth     how time and memory grow, with the plots and the table in docs/ (needs root)
#   make fuzz T=600       all targets of tests/fuzz with libFuzzer, ASan and UBSan for so many seconds in all (needs
#                         scripts/deps fuzz); F='stream token' only these
#   make mutate           break a line of safety at a time, and see that a test fails: tests/mutants (needs root; minutes)
#   make torture CYCLES=20 SEED=1
#                         so many cycles of writes, backups and something that goes wrong, in QEMU (needs root; seconds each)
#   make lint             layers, shellcheck, manual pages, formatting, a build with clang's warnings
#   make test-programs    what the tests need built: unit tests, tools, replays of the fuzzers
#   make clean
#
#   D=asan,ubsan          build with these sanitizers, into build/asan,ubsan/
#   V=1                   show the commands
#   BENCH_OFF=sums,progress  without these, into build/off-sums,progress/, to measure what they cost; never to be used
#   CC= CFLAGS= LDFLAGS=  as usual
#
# scripts/quickstart and scripts/check install what the build and the tests need.

VERSION := 0.1.0
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/lib/era
DOCDIR ?= $(PREFIX)/share/doc/erabackup
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# These look into one place only, whatever the prefix.
SHUTDOWNDIR ?= /usr/lib/systemd/system-shutdown
DRACUTDIR ?= /usr/lib/dracut/modules.d
INITRAMFSDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/share/initramfs-tools,/etc/initramfs-tools)
CC ?= gcc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g

comma := ,
B := build$(if $(D),/$(D))$(if $(BENCH_OFF),/off-$(BENCH_OFF))
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-align -Wwrite-strings -Wvla -Wformat=2 -Wundef -Werror=implicit-function-declaration
HARDENING := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
SANITIZE := $(if $(D),$(foreach s,$(subst $(comma), ,$(D)),-fsanitize=$(subst asan,address,$(subst \
	ubsan,undefined,$(s)))) -fno-omit-frame-pointer -fno-sanitize-recover=all)
PACKAGES := libzstd libxxhash blkid devmapper expat jansson inih libssh

# What only a benchmark may leave out. Such a build checks nothing, and its version says so.
BENCH_KNOWN := sums progress
BENCH_WORDS := $(subst $(comma), ,$(BENCH_OFF))
ifneq ($(filter-out $(BENCH_KNOWN),$(BENCH_WORDS)),)
$(error BENCH_OFF is of: $(BENCH_KNOWN), separated by commas)
endif
BENCH_CFLAGS := $(if $(filter sums,$(BENCH_WORDS)),-DERA_BENCH_NO_SUMS) $(if $(filter progress,$(BENCH_WORDS)),-DERA_BENCH_NO_PROGRESS)
FULL_VERSION := $(VERSION)$(if $(BENCH_WORDS),-bench-without-$(BENCH_OFF))

ALL_CFLAGS = -std=gnu11 -Isrc/lib -DERA_VERSION='"$(FULL_VERSION)"' $(BENCH_CFLAGS) -DERA_LIBEXECDIR='"$(LIBEXECDIR)"' -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-pthread $(WARNINGS) $(if $(D),,$(HARDENING)) $(CFLAGS) $(SANITIZE)
# A program needs the libraries it uses, and no others: era_setup goes into initramfs images.
ALL_LDFLAGS = -pthread -Wl,--as-needed $(if $(D),,-pie -Wl,-z,relro,-z,now) $(LDFLAGS) $(SANITIZE)
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

LIB_SOURCES := $(sort $(wildcard src/lib/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/obj/%.o)
PROGRAMS := $(patsubst src/%.c,%,$(sort $(wildcard src/era*.c)))
# What a program has besides the file of its name.
PARTS_era_copy := src/copyargs.c
PARTS_erabackup := $(sort $(wildcard src/backup_*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
# What is put between a program and the C library.
TEST_SHIMS := recorder
TEST_TOOLS := $(filter-out $(TEST_SHIMS),$(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c))))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
COMPLETIONS := $(patsubst completions/%.bash,%,$(sort $(wildcard completions/*.bash)))
MANUALS := $(patsubst docs/%.scd,$(B)/man/%,$(sort $(wildcard docs/*.scd)))

.PHONY: all test-tools test-programs man install check check-vm mutate torture lint clean FORCE bench bench-pipelines bench-list bench-memory bench-still \
	bench-cost bench-growth fuzz fuzz-programs
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS:%=$(B)/%)

$(B)/libera.a: $(LIB_OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

# Whatever of a directory was built, was built with the same BENCH_OFF.
ifneq ($(BENCH_OFF),$(shell cat $(B)/bench-off 2>/dev/null))
ifneq ($(wildcard $(B)/obj),)
$(error $(B) has been built with BENCH_OFF=$(shell cat $(B)/bench-off 2>/dev/null): take another directory)
endif
endif
$(if $(BENCH_OFF),$(shell mkdir -p $(B) && echo '$(BENCH_OFF)' >$(B)/bench-off))

# A path that is compiled in: where it is another one than last time, as with `make install PREFIX=/usr` behind a
# plain `make`, what knows it is compiled again.
$(B)/libexecdir: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = "$(LIBEXECDIR)" ] || echo "$(LIBEXECDIR)" >$@

$(B)/obj/src/era_setup.o: $(B)/libexecdir

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(foreach p,$(PROGRAMS),$(eval $(B)/$(p): $(PARTS_$(p):%.c=$(B)/obj/%.o)))

$(PROGRAMS:%=$(B)/%): $(B)/%: $(B)/obj/src/%.o $(B)/libera.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libera.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tools/%: $(B)/obj/tests/tools/%.o $(B)/libera.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(TEST_SHIMS:%=$(B)/tools/%.so): $(B)/tools/%.so: tests/tools/%.c tests/tools/recorder_log.h
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -pthread $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $<

# What a target asks the allocators for is seen by the replay.
ALLOCATORS = $(foreach f,malloc calloc realloc reallocarray aligned_alloc,-Wl$(comma)--wrap=$(f))

$(B)/fuzz/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(B)/libera.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(ALLOCATORS) -o $@ $^ $(LIBS)

$(B)/fuzz/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/libera.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(B)/man/%: docs/%.scd
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)scdoc < $< > $@

man: $(MANUALS)

# era_setup is the administrator's, and what the boot scripts call.
install: all man
	$(if $(BENCH_OFF),$(error what was built without $(BENCH_OFF) is not to be installed))
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(DOCDIR) \
		$(addprefix $(DESTDIR)$(MANDIR)/man,1 5 8)
	install -m 755 $(addprefix $(B)/,$(filter-out era_setup,$(PROGRAMS))) $(DESTDIR)$(BINDIR)
	install -m 755 $(addprefix $(B)/,$(filter era_setup,$(PROGRAMS))) $(DESTDIR)$(SBINDIR)
	$(call put_manuals,1)
	$(call put_manuals,5)
	$(call put_manuals,8)
	install -m 644 docs/eratab.example docs/erabackup.conf.example $(DESTDIR)$(DOCDIR)
	$(call place,644,docs/erabackup.cron.example,$(DOCDIR)/erabackup.cron.example)
	install -d $(DESTDIR)$(BASHCOMPDIR)
	for name in $(COMPLETIONS); do install -m 644 completions/$$name.bash $(DESTDIR)$(BASHCOMPDIR)/$$name || exit; done
	$(call place,755,initramfs/enable-root,$(LIBEXECDIR)/enable-root)
	$(call place,755,initramfs/hook,$(INITRAMFSDIR)/hooks/era)
	$(call place,755,initramfs/local-top,$(INITRAMFSDIR)/scripts/local-top/era)
	$(call place,755,initramfs/local-block,$(INITRAMFSDIR)/scripts/local-block/era)
	$(call place,755,initramfs/local-bottom,$(INITRAMFSDIR)/scripts/local-bottom/era)
	$(call place,755,dracut/90era/module-setup.sh,$(DRACUTDIR)/90era/module-setup.sh)
	$(call place,755,dracut/90era/era-open.sh,$(DRACUTDIR)/90era/era-open.sh)
	$(call place,755,dracut/90era/era-note.sh,$(DRACUTDIR)/90era/era-note.sh)
	$(call place,644,systemd/era-volumes.service,$(UNITDIR)/era-volumes.service)
	$(call place,644,systemd/erabackup@.service,$(UNITDIR)/erabackup@.service)
	$(call place,644,systemd/erabackup@.timer,$(UNITDIR)/erabackup@.timer)
	$(call place,755,systemd/era.shutdown,$(SHUTDOWNDIR)/era.shutdown)

# SECTION
put_manuals = $(if $(filter %.$(1),$(MANUALS)),install -m 644 $(filter %.$(1),$(MANUALS)) $(DESTDIR)$(MANDIR)/man$(1))

# MODE, SOURCE, PLACE: into DESTDIR, with the paths of this installation in it
define place
	install -d $(dir $(DESTDIR)$(3))
	sed -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@BINDIR@|$(BINDIR)|g' $(2) >$(DESTDIR)$(3).new
	chmod $(1) $(DESTDIR)$(3).new
	mv -f $(DESTDIR)$(3).new $(DESTDIR)$(3)
endef

test-tools: $(TEST_TOOLS:%=$(B)/tools/%) $(TEST_SHIMS:%=$(B)/tools/%.so)

test-programs: test-tools $(UNIT_TESTS:%=$(B)/unit/%) $(FUZZ_TARGETS:%=$(B)/fuzz/replay_%)

# Only with clang, and with what `make fuzz` gives it.
fuzz-programs: $(FUZZ_TARGETS:%=$(B)/fuzz/fuzz_%)

T ?= 600
F ?=
fuzz:
	$(MAKE) CC=clang D=asan,ubsan B=build/fuzz CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' fuzz-programs
	tests/fuzz/hunt --build build/fuzz --seconds $(T) $(F)

check: all test-programs
	tests/run --build $(B) unit corpus fuzz cli

check-vm: all test-programs
	tests/run --build $(B) vm

mutate:
	tests/mutate

CYCLES ?= 20
SEED ?= 1
torture: all test-programs
	ERA_BUILD=$(abspath $(B)) CYCLES=$(CYCLES) SEED=$(SEED) tests/vm/torture.sh

bench: bench-pipelines bench-list bench-memory bench-still bench-cost bench-growth

bench-pipelines: all test-programs
	$(MAKE) BENCH_OFF=sums,progress all
	ERA_BUILD=$(B) ERA_BUILD_OFF=build/off-sums,progress tests/bench/pipelines --doc docs/performance.md

bench-list: all test-programs
	ERA_BUILD=$(B) tests/bench/metadata-list

bench-memory: all test-programs
	ERA_BUILD=$(abspath $(B)) tests/bench/memory
	ERA_BUILD=$(abspath $(B)) tests/bench/backup
	ERA_BUILD=$(abspath $(B)) tests/bench/merge

bench-still: all test-programs
	ERA_BUILD=$(abspath $(B)) tests/bench/still

bench-cost: all test-programs
	ERA_BUILD=$(abspath $(B)) tests/bench/era-cost

bench-growth: all test-programs
	ERA_BUILD=$(B) tests/bench/growth --svg docs --doc docs/performance.md

lint: man
	scripts/lint

clean:
	rm -rf build

-include $(LIB_OBJECTS:.o=.d) $(wildcard $(B)/obj/src/*.d $(B)/obj/tests/unit/*.d \
	$(B)/obj/tests/tools/*.d $(B)/obj/tests/fuzz/*.d)
