# The front door of ngx_mlops.  `make` alone prints what there is.
#
# All products stand below BUILD.  Source files are found by wildcard: a new
# file in core/*/, workers/*/, ngx_mlops_module/, t/unit/, t/fuzz/ or bench/
# is built without an edit here.
#
# Variables a user may set:
#   CC            gcc (default) or clang
#   BUILD         folder of the products, default build
#   NGINX_SRC     headers and configure of the nginx to build for, default
#                 those of Debian's nginx-dev
#   NGINX_BIN     the nginx to test with, default /usr/sbin/nginx.  (A
#                 variable NGINX would not do: nginx takes the sockets that
#                 it inherits from one of that name.)
#   MLOPS_DATA    folder of the public data sets, default ../shared/data
#   YES=1         install missing packages without a question
#   FUZZ_SECONDS  time of each fuzz target, default 10
#   PREFIX, DESTDIR, MODULESDIR   for install
#   V=1           show whole commands
#   SANITIZE=1, TSAN=1  used by the targets asan and tsan

SHELL        = /bin/sh
ifeq ($(origin CC),default)
CC           = gcc
endif
BUILD        ?= build
NGINX_SRC    ?= /usr/share/nginx/src
NGINX_BIN    ?= $(firstword $(wildcard /usr/sbin/nginx) nginx)
MLOPS_DATA   ?= ../shared/data
FUZZ_SECONDS ?= 10
JOBS         ?= 4
PREFIX       ?= /usr/local
MODULESDIR   ?= /usr/lib/nginx/modules

top         := $(CURDIR)
out         := $(abspath $(BUILD))

export MLOPS_DATA
export MLOPS_NGINX_SRC := $(if $(filter-out \
    /usr/share/nginx/src,$(NGINX_SRC)),other)

# ---------------------------------------------------------------- sources

core_dirs   := $(patsubst %/,%,$(wildcard core/*/))
libs        := import export registry window learn kafka features
lib_dirs    := $(wildcard $(addprefix workers/,$(libs)))

core_src    := $(wildcard core/*/*.c)
core_obj    := $(core_src:%.c=$(BUILD)/obj/%.o)
tool_src    := $(wildcard workers/tools/mlopsctl*.c)
tool_obj    := $(tool_src:%.c=$(BUILD)/obj/%.o)
programs    := $(if $(wildcard workers/features/main.c),mlops-features) \
               $(if $(wildcard workers/tools/mlops_broker.c),mlops-broker)
unit_src    := $(wildcard t/unit/*.c)
unit_bin    := $(unit_src:t/unit/%.c=$(BUILD)/t/unit/%)
spin_models := $(sort $(wildcard t/spin/*.pml))
fuzz_src    := $(wildcard t/fuzz/fuzz_*.c)
fuzz_names  := $(fuzz_src:t/fuzz/fuzz_%.c=%)
bench_src   := $(wildcard bench/*.c)
bench_bin   := $(bench_src:bench/%.c=$(BUILD)/bench/%)
load        := $(BUILD)/bench/load $(BUILD)/bench/feed
module_src  := $(wildcard ngx_mlops_module/*.c)
headers     := $(wildcard core/*/*.h ngx_mlops_module/*.h)
archives    := $(BUILD)/libmlops.a $(libs:%=$(BUILD)/lib%.a)

t_files     := $(sort $(wildcard t/*.t t/compat/*.t))
interop_src := $(wildcard t/interop/*.c)
interop_bin := $(interop_src:t/interop/%.c=$(BUILD)/t/interop/%)
integration := $(sort $(wildcard t/integration/*.t t/integration/*.sh))
long        := $(filter %-kill.t %-group.t %/swap.t,$(integration))
interop     := $(sort $(wildcard t/interop/*.t t/interop/*.sh))
tests       := $(long) $(unit_bin) $(t_files) \
               $(filter-out $(long),$(integration))

# ------------------------------------------------------------------ flags

# No contraction of a*b+c: the answer must not depend on the compiler.

std         := -std=gnu11 -ffp-contract=off
CPPFLAGS    += -D_GNU_SOURCE= $(core_dirs:%=-I%) $(lib_dirs:%=-I%)
warn        := -Wall -Wextra -Werror
OPT         ?= -O2 -g
LDLIBS      := -Wl,--as-needed -lrdkafka -lcurl -lyajl -lcrypto -lm -lpthread

# Of mlops-features, whose records are taken in one thread and given back in
# another.  ALLOCATOR= leaves libc's; sanitizers bring their own.

ALLOCATOR   ?= -ljemalloc

ifdef SANITIZE
sanitize    := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
               -fno-omit-frame-pointer
OPT         := -O1 -g
endif

ifneq ($(SANITIZE)$(FUZZ)$(TSAN),)
ALLOCATOR   :=
endif

ifdef FUZZ
sanitize    := -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT         := -O1 -g
endif

ifdef TSAN
sanitize    := -fsanitize=thread -fno-omit-frame-pointer
OPT         := -O1 -g
endif

compile      = $(CC) $(std) $(OPT) $(warn) $(sanitize) $(CPPFLAGS) $(CFLAGS)
link         = $(CC) $(OPT) $(sanitize) $(LDFLAGS)
all_libs     = -Wl,--start-group $(archives) -Wl,--end-group $(LDLIBS)

quiet        = $(if $(V),,@)
say          = $(if $(V),,@printf '  %-7s %s\n' $(1) $(@:$(top)/%=%);)

# ---------------------------------------------------------------- targets

.PHONY: help deps build module tools demo demo-stop demo-features \
        demo-features-stop demo-train demo-train-stop test check unit t \
        integration bench asan asan-check tsan tsan-check spin valgrind fuzz \
        interop style docs-check deb install clean force
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

help:           ## this list
	@echo "ngx_mlops: predictions and features inside nginx"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1#\2/p' Makefile \
	    | awk -F'#' '{ printf "%-25s %s\n", $$1, $$2 }'
	@echo
	@echo "variables: CC BUILD NGINX_SRC MLOPS_DATA YES=1 FUZZ_SECONDS"
	@echo "           PREFIX DESTDIR MODULESDIR"

deps:           ## install what building and testing needs (asks first)
	tools/deps build test

build: module tools     ## the module, mlopsctl and the workers

module: $(BUILD)/ngx_http_mlops_module.so

tools: $(BUILD)/bin/mlopsctl $(programs:%=$(BUILD)/bin/%)

demo:           ## the whole story on one screen, on 127.0.0.1:8080
	@tools/deps build demo
	@$(MAKE) --no-print-directory demo-programs
	@BUILD=$(out) NGINX_BIN=$(NGINX_BIN) tools/demo

demo-stop:      ## end the demo's nginx
	@BUILD=$(out) NGINX_BIN=$(NGINX_BIN) tools/demo --stop

demo-features:  ## events become features become predictions, on one screen
	@tools/deps build demo
	@$(MAKE) --no-print-directory demo-programs
	@BUILD=$(out) NGINX_BIN=$(NGINX_BIN) tools/demo-features

demo-features-stop:     ## end what that started
	@BUILD=$(out) NGINX_BIN=$(NGINX_BIN) tools/demo-features --stop

demo-train:     ## a model is trained, judged, published, on one screen
	@tools/deps build demo
	@$(MAKE) --no-print-directory demo-programs
	@BUILD=$(out) NGINX_BIN=$(NGINX_BIN) tools/demo-train

demo-train-stop:        ## end what that started
	@BUILD=$(out) NGINX_BIN=$(NGINX_BIN) tools/demo-train --stop

test:           ## deps, build, and every test below
	@tools/deps build test
	@$(MAKE) --no-print-directory build test-programs
	@$(MAKE) --no-print-directory check

unit: $(unit_bin)       ## unit tests of core and workers
	$(quiet)$(test_env) $(prove) $(unit_bin)

t: build                ## tests of the module
	$(quiet)$(test_env) $(prove) $(T_ARGS) $(if $(FILES),$(FILES),$(t_files))

integration: build $(load) fault-tool   ## swaps, kills, reloads under load
	$(quiet)$(test_env) $(prove) $(if $(FILES),$(FILES),$(integration))

bench:          ## measure, side by side, and print ratios
	@tools/deps build bench
	@$(MAKE) --no-print-directory build bench-programs
	@if [ -x bench/run ]; then \
	    BUILD=$(out) NGINX_BIN=$(NGINX_BIN) bench/run; \
	else \
	    echo "bench/run is missing"; exit 1; \
	fi

asan:           ## all tests with AddressSanitizer and UBSan
	@tools/deps build test
	$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE=1 asan-check

tsan:           ## unit tests with threads, with ThreadSanitizer
	@tools/deps build test
	$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan TSAN=1 tsan-check

spin:           ## check the models of the protocols in shared memory
	@tools/deps build spin
	@BUILD=$(BUILD) tools/spin $(spin_models)

valgrind:       ## unit tests and some of t/ under valgrind
	@tools/deps build test valgrind
	@$(MAKE) --no-print-directory build $(unit_bin)
	$(quiet)MLOPS_SIMD=avx2 MLOPS_QUICK=1 $(test_env) prove --timer --exec \
	    "valgrind -q --error-exitcode=99 --leak-check=full \
	     --show-leak-kinds=definite --errors-for-leak-kinds=definite" \
	    $(valgrind_unit)
	$(quiet)MLOPS_SIMD=avx2 TEST_NGINX_USE_VALGRIND=1 TEST_NGINX_SLEEP=1 \
	    TEST_NGINX_VALGRIND_EXIT_ON_FIRST_ERR=1 $(test_env) \
	    prove --timer $(runner) $(valgrind_t)

fuzz:           ## run each fuzz target for FUZZ_SECONDS
	@tools/deps build fuzz
	$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang FUZZ=1 \
	    FUZZ_OUT=$(BUILD)/t/fuzz fuzz-programs
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz $(fuzz_names)

interop:        ## compare with the libraries themselves, from PyPI
	@tools/deps build test interop
	@$(MAKE) --no-print-directory build $(load) $(interop_bin)
	$(quiet)$(test_env) $(prove) $(interop)

style:          ## check the grammar of the sources, and the printed table
	@tools/deps style
	@tools/style
	@tools/gen-num-tables --check core/base/mlops_num_table.c
	@tools/gen-math-tables --check core/base/mlops_math_table.c

docs-check:     ## compare docs/ with the tables in the sources
	@tools/docs-check

deb:            ## Debian packages in build/deb
	@tools/deps build
	BUILD=$(BUILD) tools/deb

install: build  ## copy module and programs (PREFIX, DESTDIR, MODULESDIR)
	install -d $(DESTDIR)$(MODULESDIR) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/ngx_http_mlops_module.so \
	    $(DESTDIR)$(MODULESDIR)/ngx_http_mlops_module.so.new
	mv -f $(DESTDIR)$(MODULESDIR)/ngx_http_mlops_module.so.new \
	    $(DESTDIR)$(MODULESDIR)/ngx_http_mlops_module.so
	install -m 755 $(BUILD)/bin/mlopsctl $(programs:%=$(BUILD)/bin/%) \
	    $(DESTDIR)$(PREFIX)/bin/

clean:          ## remove build/
	rm -rf $(BUILD)

# ------------------------------------------------------------------ tests

test_env     = BUILD=$(out) NGINX_BIN=$(NGINX_BIN) MLOPSCTL=$(out)/bin/mlopsctl \
               TEST_NGINX_BINARY=$(NGINX_BIN) TEST_NGINX_RANDOMIZE=1 \
               TEST_NGINX_LOAD_MODULES=$(out)/ngx_http_mlops_module.so \
               TEST_NGINX_TIMEOUT=$${TEST_NGINX_TIMEOUT:-30} \
               $(sanitize_env)

# Tests of the whole wait more than they compute: several run at a time, and
# those that take longest begin.

prove        = prove --timer -j$(JOBS) $(runner) \
               --rules='seq=t/interop/*' --rules='par=**'

# Our runner of the dialect of Test::Nginx; TEST_NGINX_REAL=1 takes the
# library itself where it is installed, TEST_NGINX_REAL=DIR the one in DIR.

ifeq ($(TEST_NGINX_REAL),)
runner       = -It/compat/lib
else
runner       = $(if $(filter-out 1,$(TEST_NGINX_REAL)),-I$(TEST_NGINX_REAL))
endif

# memcheck cannot follow the multiplication by which the portable number
# parser gathers bits: bytes behind a number that nobody wrote would seem to
# decide.  Its long doubles have 64 bits, too few for what unit math compares
# with.  Of a process that ends beside its threads it says that it possibly
# lost what belongs to them: no error.  Every nginx test is slow under it; a
# few files show the way.

valgrind_unit = $(filter-out %/num_portable %/math,$(unit_bin))

valgrind_t  ?= $(wildcard t/001-*.t t/012-*.t t/100-*.t t/103-*.t)

ifdef SANITIZE
asan_so     := $(shell $(CC) -print-file-name=libasan.so 2>/dev/null)
ubsan_so    := $(shell $(CC) -print-file-name=libubsan.so 2>/dev/null)
sanitize_env = TEST_NGINX_LD_PRELOAD='$(asan_so) $(ubsan_so)' MLOPS_QUICK=1 \
               UBSAN_OPTIONS=print_stacktrace=1
endif

.PHONY: demo-programs test-programs bench-programs fault-tool fuzz-programs

demo-programs: build $(load)
test-programs: $(unit_bin) $(load) fault-tool
bench-programs: $(bench_bin)

check:
	$(quiet)$(test_env) $(prove) $(tests)

asan-check: build test-programs
	$(quiet)$(test_env) $(prove) $(tests)

# Unit tests that start threads; a new one is named here.

tsan_unit    = table_threads lane gbdt_threads learn frame

tsan-check: $(tsan_unit:%=$(BUILD)/t/unit/%)
	$(quiet)MLOPS_QUICK=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
	    $(test_env) $(prove) $(tsan_unit:%=$(BUILD)/t/unit/%)

# Two programs with named points at which a test may kill them: the files that
# name points are compiled once more, and stand before the archives.

fault_src   := $(shell grep -lw mlops_fault $(core_src) $(tool_src) \
                   $(wildcard $(lib_dirs:%=%/*.c)))
fault_obj    = $(fault_src:%.c=$(BUILD)/obj/fault/%.o)
fault_tool   = $(filter $(BUILD)/obj/fault/workers/tools/%,$(fault_obj))
fault_main   = $(filter-out $(fault_tool:$(BUILD)/obj/fault/%=$(BUILD)/obj/%),\
                   $(tool_obj))

fault-tool: $(BUILD)/t/fault/mlopsctl \
    $(patsubst %,$(BUILD)/t/fault/%,$(filter mlops-features,$(programs)))

$(BUILD)/obj/fault/%.o: CPPFLAGS += -DMLOPS_FAULTS

$(BUILD)/obj/fault/%.o: %.c $(BUILD)/obj/.flags
	@mkdir -p $(@D)
	$(call say,CC)$(compile) -MMD -MP -c -o $@ $<

$(BUILD)/t/fault/mlopsctl: $(fault_main) $(fault_obj) $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@.tmp $(fault_main) $(fault_obj) $(all_libs)
	@mv -f $@.tmp $@

$(BUILD)/t/fault/mlops-features: $(BUILD)/obj/workers/features/main.o \
    $(fault_obj) $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@.tmp $< \
	    $(filter-out $(fault_tool),$(fault_obj)) $(all_libs) $(ALLOCATOR)
	@mv -f $@.tmp $@

fuzz-programs: $(fuzz_names:%=$(FUZZ_OUT)/%)

# --------------------------------------------------------------- products

# The command line is a file that changes only when it does, so that another
# compiler or other flags rebuild.

$(BUILD)/obj/.flags: force
	@mkdir -p $(@D)
	@echo '$(compile) $(LDFLAGS)' | cmp -s - $@ \
	    || echo '$(compile) $(LDFLAGS)' > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/obj/.flags
	@mkdir -p $(@D)
	$(call say,CC)$(compile) -MMD -MP -c -o $@ $<

$(BUILD)/obj/t/unit/%.o: CPPFLAGS += -It/unit

# An archive is made anew: ar would keep members whose source is gone.  The
# list of members is a prerequisite for the same reason.

define archive_rule
$(BUILD)/lib$(1).a: $(2) $(BUILD)/obj/lib$(1).list
	@rm -f $$@.tmp
	$$(call say,AR)ar rcsD $$@.tmp $(2)
	@mv -f $$@.tmp $$@

$(BUILD)/obj/lib$(1).list: force
	@mkdir -p $$(@D)
	@echo '$(2)' | cmp -s - $$@ || echo '$(2)' > $$@
endef

lib_obj = $(patsubst %.c,$(BUILD)/obj/%.o,\
              $(filter-out %/main.c,$(wildcard workers/$(1)/*.c)))

$(eval $(call archive_rule,mlops,$(core_obj)))
$(foreach l,$(libs),$(eval $(call archive_rule,$(l),$(call lib_obj,$(l)))))

$(BUILD)/bin/mlopsctl: $(tool_obj) $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@.tmp $(tool_obj) $(all_libs)
	@mv -f $@.tmp $@

$(BUILD)/bin/mlops-features: $(BUILD)/obj/workers/features/main.o $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@.tmp $< $(all_libs) $(ALLOCATOR)
	@mv -f $@.tmp $@

$(BUILD)/bin/mlops-broker: $(BUILD)/obj/workers/tools/mlops_broker.o $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@.tmp $< $(all_libs)
	@mv -f $@.tmp $@

$(BUILD)/t/unit/%: $(BUILD)/obj/t/unit/%.o $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@ $< -lcmocka $(all_libs)

$(BUILD)/t/interop/%: $(BUILD)/obj/t/interop/%.o $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@ $< $(all_libs)

$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -o $@ $< $(all_libs) $(LDLIBS_$*)

ifdef FUZZ_OUT
$(FUZZ_OUT)/%: $(BUILD)/obj/t/fuzz/fuzz_%.o $(archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(link) -fsanitize=fuzzer -o $@ $< $(all_libs)
endif

-include bench/bench.mk
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ----------------------------------------------------------------- module

# nginx's configure runs again only when the add-on script, the list of
# sources, the compiler or the nginx to build for changed.  It empties the
# folder, so two makes at once take turns.

locked       = flock $(BUILD)/obj/module.lock

module_key   = $(sort $(core_src) $(module_src) $(headers)) | $(CC) \
               | $(SANITIZE) | $(NGINX_SRC) \
               | $(shell $(NGINX_BIN) -v 2>&1)

$(BUILD)/obj/module.key: force
	@mkdir -p $(@D)
	@echo '$(module_key)' | cmp -s - $@ || echo '$(module_key)' > $@

$(BUILD)/nginx/Makefile: config exports.map tools/configure-module \
    $(BUILD)/obj/module.key
	$(call say,CONF)CC="$(CC)" NGINX_SRC="$(NGINX_SRC)" \
	    SANITIZE="$(SANITIZE)" $(locked) \
	    tools/configure-module $(out)/nginx

$(BUILD)/ngx_http_mlops_module.so: $(BUILD)/nginx/Makefile $(core_src) \
    $(module_src) $(headers) exports.map
	$(call say,MODULE)$(locked) $(MAKE) --no-print-directory $(if $(V),,-s) \
	    -f $(out)/nginx/Makefile -C $(NGINX_SRC) modules
	@! nm -D --undefined-only $(BUILD)/nginx/$(@F) \
	    | grep -E ' (ngx_http_)?mlops_' \
	    || { echo "$(@F): names above are not defined"; exit 1; }
	@cp $(BUILD)/nginx/ngx_http_mlops_module.so $@.tmp
	@mv -f $@.tmp $@
