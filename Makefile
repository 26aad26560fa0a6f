# loyald: `make help` lists the targets. FLAVOUR is debug, release, asan, tsan or cov.
FLAVOUR ?= debug
CC ?= gcc
VERSION := 0.1.0
B := build/$(FLAVOUR)

WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wswitch-enum -Wimplicit-fallthrough -Wno-sign-conversion -Wno-pedantic
HARD := -fPIE -fstack-protector-strong -fcf-protection -ffp-contract=off
CFLAGS_debug   := -O0 -g
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Wno-error
CFLAGS_cov     := -O0 -g --coverage
CFLAGS += -std=gnu11 $(WARN) $(HARD) $(CFLAGS_$(FLAVOUR)) -Isrc -I$(B)/gen -DLOYALD_VERSION='"$(VERSION)"' \
          $(shell pkg-config --cflags sqlite3 libpq libsodium liboath)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(filter -fsanitize=% --coverage,$(CFLAGS_$(FLAVOUR)))
LIBS := -lmicrohttpd -lsqlite3 -lpq -lsodium -loath -licui18n -licuuc -lz -lm -lpthread

SRC := $(filter-out src/main.c,$(wildcard src/*/*.c))
OBJ := $(SRC:src/%.c=$(B)/%.o)
GEN_SRC := $(B)/gen/queries.c $(B)/gen/db_queries.c $(B)/gen/key_queries.c $(B)/gen/assets.c
GEN_H := $(B)/gen/queries.h $(B)/gen/db_queries.h $(B)/gen/key_queries.h
GEN_OBJ := $(GEN_SRC:.c=.o)
LIB := $(B)/libloyald.a
UNIT := $(patsubst test/unit/%.c,$(B)/test/%,$(wildcard test/unit/test_*.c))
STORE_TESTS := $(patsubst test/store/%.c,$(B)/test/%,$(wildcard test/store/test_*.c))

.PHONY: all help clean fmt tidy lint unit store-tests api-tests tests bench fuzz cov
all: $(B)/loyald

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# Generated: the table of statements from sql/, and the files that travel in the binary.
ASSETS := $(wildcard sql/migrations/*.sql sql/keys/migrations/*.sql presets/*.json schema/*.json openapi.yaml)
SQLGEN = mkdir -p $(@D) && awk -f tools/sqlgen.awk -v out=$(basename $@) -v include=$(notdir $(basename $@)).h
$(B)/gen/queries.h: tools/sqlgen.awk $(wildcard sql/queries/*.sql)
	@$(SQLGEN) $(sort $(wildcard sql/queries/*.sql)) /dev/null
$(B)/gen/db_queries.h: tools/sqlgen.awk $(wildcard sql/db/*.sql)
	@$(SQLGEN) -v enum=db_query_id -v prefix=DQ_ -v table=DB_QUERIES $(sort $(wildcard sql/db/*.sql)) /dev/null
$(B)/gen/key_queries.h: tools/sqlgen.awk $(wildcard sql/keys/*.sql)
	@$(SQLGEN) -v enum=key_query -v prefix=KQ_ -v table=KEY_QUERIES $(sort $(wildcard sql/keys/*.sql)) /dev/null
$(B)/gen/test_queries.h: tools/sqlgen.awk $(wildcard test/store/sql/*.sql)
	@$(SQLGEN) -v enum=test_query -v prefix=TQ_ -v table=TEST_QUERIES $(sort $(wildcard test/store/sql/*.sql)) /dev/null
$(B)/gen/queries.c $(B)/gen/db_queries.c $(B)/gen/key_queries.c $(B)/gen/test_queries.c: %.c: %.h ;
$(B)/gen/assets.c: tools/assets.sh $(ASSETS)
	@mkdir -p $(@D)
	@sh tools/assets.sh $(sort $(ASSETS)) > $@

$(B)/%.o: src/%.c | $(GEN_H)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c
	@$(CC) $(CFLAGS) -Isrc -MMD -MP -c -o $@ $<
$(LIB): $(OBJ) $(GEN_OBJ)
	@rm -f $@ && ar rcs $@ $^
$(B)/loyald: $(B)/main.o $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB) $(LIBS)
$(B)/test/%: test/unit/%.c $(LIB)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(CC) $(CFLAGS) -Itest -MMD -MP $(LDFLAGS) -o $@ $< $(LIB) -lcmocka $(LIBS)
$(B)/test/%: test/store/%.c $(LIB) $(B)/gen/test_queries.o
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(CC) $(CFLAGS) -Itest -MMD -MP $(LDFLAGS) -o $@ $< $(B)/gen/test_queries.o $(LIB) -lcmocka $(LIBS)
-include $(OBJ:.o=.d) $(GEN_OBJ:.o=.d) $(UNIT:=.d) $(STORE_TESTS:=.d) $(B)/main.d

.SECONDARY: $(B)/gen/test_queries.o $(B)/gen/test_queries.c $(B)/gen/test_queries.h

tests: $(UNIT) $(STORE_TESTS) ## build all C tests
unit: $(UNIT) ## build and run the unit tests
	@test/sqlgen.sh
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

# The tests of sql/ and the stores, each on SQLite and on a private PostgreSQL in build/pg.
store-tests: $(STORE_TESTS) ## build and run the tests that need databases
	@test/pg.sh start nofsync
	@export LOYALD_TEST_PG="$$(test/pg.sh url)"; trap 'test/pg.sh stop' EXIT; \
	    set -e; for t in $(STORE_TESTS); do echo "== $$t"; $$t; done

# The tests of the API, through the command line and the network, on both databases.
api-tests: $(B)/loyald ## run the tests of the API (node --test)
	@test/pg.sh start nofsync
	@export LOYALD_TEST_PG="$$(test/pg.sh url)" FLAVOUR=$(FLAVOUR); trap 'test/pg.sh stop' EXIT; \
	    node --test test/api/

# Benchmarks and fuzz targets are built apart: they need other flags than the tests.
BENCH := $(patsubst test/bench/%.c,$(B)/bench/%,$(wildcard test/bench/bench_*.c))
$(B)/bench/%: test/bench/%.c $(LIB)
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LIB) $(LIBS)
# MEMBERS=1000000 by default; docs/bench.md has what was measured.
MEMBERS ?= 1000000
bench: ## run the benchmarks beside their yardsticks
	@$(MAKE) --no-print-directory FLAVOUR=release all bench-run
.PHONY: bench-run
bench-run: $(BENCH)
	@$(B)/bench/bench_rule
	@cd test/bench/yardstick && npm ci --silent --no-audit --no-fund && node rules.mjs
	@$(B)/bench/bench_engine $(MEMBERS) 100000 build/bench-$(MEMBERS)
	@test/bench/http.sh build/bench-$(MEMBERS) $(MEMBERS)
	@test/bench/pg.sh $(MEMBERS)
# What limits events and does not depend on load is held by a test: the targets are 3.2 for bench.json and 5 for the preset.
pages: ## count dirty pages per purchase and fail above the limit
	@$(MAKE) --no-print-directory FLAVOUR=release build/release/bench/bench_engine
	@rm -rf build/pages-bench build/pages-retail
	@build/release/bench/bench_engine 20000 100000 build/pages-bench test/bench/bench.json 3.2
	@build/release/bench/bench_engine 20000 100000 build/pages-retail presets/retail.json 4.5

FUZZ := $(patsubst test/fuzz/%.c,$(B)/fuzz/%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_S ?= 10
# The reader of JSON is held against jansson, which nothing else links.
$(B)/fuzz/fuzz_json: test/fuzz/json_reference.c
$(B)/fuzz/fuzz_json: REFERENCE := -ljansson
$(B)/fuzz/%: test/fuzz/%.c $(LIB)
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(CC) $(CFLAGS) -MMD -MP -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.c,$^) $(LIB) $(LIBS) $(REFERENCE)
fuzz: ## run each fuzz target for FUZZ_S seconds (needs clang)
	@$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZ)
	@set -e; for t in $(FUZZ); do name=$${t##*/fuzz_}; mkdir -p $(B)/corpus/$$name; echo "== $$name"; \
	    $$t -max_total_time=$(FUZZ_S) -timeout=5 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
	    -artifact_prefix=$(B)/corpus/crash-$$name- $(B)/corpus/$$name test/fuzz/seeds/$$name >$(B)/corpus/$$name.log 2>&1 || \
	    { tail -n 60 $(B)/corpus/$$name.log; exit 1; }; grep -a '^Done' $(B)/corpus/$$name.log; done

fmt: ## format the C code
	clang-format -i $(wildcard src/*/*.[ch] src/*.c test/*/*.[ch] test/*.h)
clean: ## remove everything built
	rm -rf build

# Real purchase logs through the command line, on both databases.
data-tests: $(B)/loyald ## import the real data sets and compare the books with the files
	@test/pg.sh start nofsync
	@export LOYALD_TEST_PG="$$(test/pg.sh url)" LOYALD_BIN="$(CURDIR)/$(B)/loyald"; trap 'test/pg.sh stop' EXIT; \
	    node --test test/data/
# Databases of released schemas.
upgrade-tests: $(B)/loyald ## migrate databases of earlier releases
	@test/pg.sh start nofsync
	@export LOYALD_TEST_PG="$$(test/pg.sh url)" LOYALD_BIN="$(CURDIR)/$(B)/loyald"; trap 'test/pg.sh stop' EXIT; \
	    node --test test/upgrade/
# kill -9 under load, on both databases, durable.
torture: ## kill the server under load and see that nothing was lost
	@$(MAKE) --no-print-directory FLAVOUR=release all
	@test/pg.sh start
	@export LOYALD_TEST_PG="$$(test/pg.sh url)" LOYALD_BIN="$(CURDIR)/build/release/loyald"; trap 'test/pg.sh stop' EXIT; \
	    node --test test/torture/

# Random lives of shops against a naive model of the program, on both databases: make sim SEEDS=1-1000.
sim: $(B)/loyald ## simulate shops against the naive model
	@test/pg.sh start nofsync
	@export LOYALD_TEST_PG="$$(test/pg.sh url)" LOYALD_BIN="$(CURDIR)/$(B)/loyald" SEEDS="$(SEEDS)"; trap 'test/pg.sh stop' EXIT; \
	    node --test test/sim/

tidy: ## check the house rules
	@tools/tidy.sh
# cppcheck 2.10 does not read compound literals behind a question mark; gcc and clang shift signed numbers
# arithmetically; what is lent to a callee is taken back before the lender returns.
lint: ## static analysis (needs cppcheck and clang-tidy)
	cppcheck --quiet --std=c11 --suppress=internalAstError --suppress=shiftTooManyBitsSigned --suppress=autoVariables --enable=warning,portability --inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 -Isrc -I$(B)/gen src
	clang-tidy --quiet --checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-assignment-in-if-condition,cert-*,-cert-err33-c' $(wildcard src/*/*.c) -- $(filter-out -W%,$(CFLAGS))
cov: ## line coverage of the unit and store tests, by file
	@$(MAKE) --no-print-directory FLAVOUR=cov unit store-tests >/dev/null
	@for f in $(SRC); do gcov -n -o build/cov/$$(dirname $${f#src/}) $$f 2>/dev/null | grep -A1 "File '$$f'" | tr '\n' ' '; echo; done | \
	    sed -n "s/File '\(.*\)' Lines executed:\(.*\)% of \(.*\)/\2 \1 (\3 lines)/p" | sort -n
