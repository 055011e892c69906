# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup: incremental backup of block devices with dm-era.
#
#   make                  build the programs and libera.a into build/
#   make man              build the manual pages from docs/*.scd (needs scdoc)
#   make install          install programs and manuals; DESTDIR= and PREFIX= as usual (PREFIX=/usr/local)
#   make check            unit, corpus and command-line tests: everything that needs no dm-era
#   make check-vm         the tests on a real kernel's dm-era, in QEMU (needs root)
#   make bench            figures: listing 268 million era blocks beside era_invalidate; peak memory (needs root)
#   make lint             layers, shellcheck, manual pages, formatting, a build with clang's warnings
#   make test-programs    what the tests need built: unit tests and tools
#   make clean
#
#   D=asan,ubsan          build with these sanitizers, into build/asan,ubsan/
#   V=1                   show the commands
#   CC= CFLAGS= LDFLAGS=  as usual
#
# scripts/quickstart and scripts/check install what the build and the tests need.

VERSION := 0.1.0
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
CC ?= gcc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g

comma := ,
B := build$(if $(D),/$(D))
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-align -Wwrite-strings -Wvla -Wformat=2 -Wundef -Werror=implicit-function-declaration
HARDENING := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
SANITIZE := $(if $(D),$(foreach s,$(subst $(comma), ,$(D)),-fsanitize=$(subst asan,address,$(subst \
	ubsan,undefined,$(s)))) -fno-omit-frame-pointer -fno-sanitize-recover=all)
PACKAGES := libzstd libxxhash blkid devmapper expat jansson

ALL_CFLAGS = -std=gnu11 -Isrc/lib -DERA_VERSION='"$(VERSION)"' -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-pthread $(WARNINGS) $(if $(D),,$(HARDENING)) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pthread $(if $(D),,-pie -Wl,-z,relro,-z,now) $(LDFLAGS) $(SANITIZE)
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

LIB_SOURCES := $(sort $(wildcard src/lib/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/obj/%.o)
PROGRAMS := $(patsubst src/%.c,%,$(sort $(wildcard src/era_*.c)))
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
TEST_TOOLS := $(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c)))
MANUALS := $(patsubst docs/%.scd,$(B)/man/%,$(sort $(wildcard docs/*.scd)))

.PHONY: all test-programs man install check check-vm bench lint clean
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS:%=$(B)/%)

$(B)/libera.a: $(LIB_OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/era_%: $(B)/obj/src/era_%.o $(B)/libera.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libera.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tools/%: $(B)/obj/tests/tools/%.o $(B)/libera.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/man/%: docs/%.scd
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)scdoc < $< > $@

man: $(MANUALS)

install: all man
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5
	install -m 755 $(PROGRAMS:%=$(B)/%) $(DESTDIR)$(BINDIR)
	install -m 644 $(filter %.1,$(MANUALS)) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(filter %.5,$(MANUALS)) $(DESTDIR)$(MANDIR)/man5

test-programs: $(UNIT_TESTS:%=$(B)/unit/%) $(TEST_TOOLS:%=$(B)/tools/%)

check: all test-programs
	tests/run --build $(B) unit corpus cli

check-vm: all test-programs
	tests/run --build $(B) vm

bench: all test-programs
	ERA_BUILD=$(B) tests/bench/metadata-list
	ERA_BUILD=$(abspath $(B)) tests/bench/memory

lint: man
	scripts/lint

clean:
	rm -rf build

-include $(LIB_OBJECTS:.o=.d) $(wildcard $(B)/obj/src/*.d $(B)/obj/tests/unit/*.d \
	$(B)/obj/tests/tools/*.d)
