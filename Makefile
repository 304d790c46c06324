EXTENSION = ledger_engine
EXTVERSION = 0.2.0
# The newest version whose scripts are in sql/releases, where they never change.
RELEASED = 0.1.0
MODULE_big = ledger_engine
# The names by which the SQL of version 0.1.0 calls the functions of the library.
MODULES = src/ledger_engine_0_1

OBJS = \
	src/account.o \
	src/amount.o \
	src/archive.o \
	src/batch.o \
	src/bulk_writer.o \
	src/code_check.o \
	src/codemap.o \
	src/columns.o \
	src/digest.o \
	src/digest_table.o \
	src/entity.o \
	src/evaluation.o \
	src/exception.o \
	src/expand.o \
	src/expand_parallel.o \
	src/expression.o \
	src/expression_check.o \
	src/expression_fold.o \
	src/file_digest.o \
	src/helpers.o \
	src/image.o \
	src/index_builds.o \
	src/init.o \
	src/je_id.o \
	src/journal.o \
	src/ledger_engine.o \
	src/ledger_target.o \
	src/line_reader.o \
	src/log_line.o \
	src/new_rows.o \
	src/page_file.o \
	src/page_groups.o \
	src/page_reader.o \
	src/parallel_work.o \
	src/post.o \
	src/post_headers.o \
	src/post_lines.o \
	src/progress.o \
	src/query.o \
	src/routing.o \
	src/row_digest.o \
	src/row_holders.o \
	src/settings.o \
	src/source.o \
	src/source_digest.o \
	src/staging.o \
	src/template.o \
	src/total.o

# The install script is put together from one file a topic, in the order of their dependencies.
SQL_PARTS = \
	sql/trust.sql \
	sql/engine.sql \
	sql/install.sql \
	sql/guard.sql \
	sql/uninstall.sql \
	sql/progress.sql \
	sql/locks.sql \
	sql/partitions.sql \
	sql/attached.sql \
	sql/source.sql \
	sql/loads.sql \
	sql/templates.sql \
	sql/runs.sql \
	sql/staging.sql \
	sql/policy.sql \
	sql/validate.sql \
	sql/ledger.sql \
	sql/entities.sql \
	sql/exceptions.sql \
	sql/repeated.sql \
	sql/policy_guard.sql \
	sql/codes.sql \
	sql/limits.sql \
	sql/release.sql \
	sql/snapshot.sql \
	sql/month.sql \
	sql/archive.sql \
	sql/retention.sql \
	sql/export.sql \
	sql/control.sql \
	sql/dimensions.sql \
	sql/schedule.sql \
	sql/health.sql \
	sql/views.sql \
	sql/run_views.sql \
	sql/comments.sql \
	sql/roles.sql \
	sql/sample_takaful.sql \
	sql/sample_transactions.sql \
	$(CRASH_POINT_SQL) \
	sql/integrity.sql \
	sql/grants.sql

# What is not marked with it stays within the library. Version 15 does not define it.
PG_CPPFLAGS = -DLEDGER_ENGINE_VERSION='"$(EXTVERSION)"' -DPGDLLEXPORT='__attribute__((visibility("default")))'

# For tests: points at which a process waits to be killed (src/crash_point.h).
ifdef CRASH_POINTS
OBJS += src/crash_point.o
PG_CPPFLAGS += -DLEDGER_CRASH_POINTS
CRASH_POINT_SQL = sql/crash_point.sql
CRASH_POINT_CALL = PERFORM acct._crash_point('\2');
else
CRASH_POINT_CALL =
endif

INSTALL_SQL = $(EXTENSION)--$(EXTVERSION).sql
DELTA_SQL = $(EXTENSION)--$(RELEASED)--$(EXTVERSION).sql
DATA = $(wildcard sql/releases/*.sql sql/releases/*.control)
DATA_built = $(INSTALL_SQL) $(DELTA_SQL)

PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-cast-function-type -fvisibility=hidden -Isrc

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test --load-extension=ledger_engine
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=test/output_iso --load-extension=ledger_engine
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

EXTRA_CLEAN = test/results test/output_iso test/regression.diffs test/regression.out tmp_check

# References between the modules stay within the library, whatever other libraries export.
SHLIB_LINK = -Wl,-Bsymbolic

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

all: $(DATA_built)

$(OBJS): $(wildcard src/*.h)

$(INSTALL_SQL): $(SQL_PARTS)
	{ printf '%s\n\n' '\echo Use "CREATE EXTENSION ledger_engine" to load this file. \quit'; cat $^; } \
		| sed -E "s/^( *)-- crash point: ([a-z_]+)$$/\1$(CRASH_POINT_CALL)/; /^ +$$/d" > $@

# Made anew from both until EXTVERSION is released: what leads from the last release to it cannot be forgotten.
$(DELTA_SQL): scripts/make-delta sql/releases/$(EXTENSION)--$(RELEASED).sql $(INSTALL_SQL)
	perl $^ > $@

.DELETE_ON_ERROR:
