EXTENSION = ledger_engine
# The version stands in the control file, and scripts/release changes it.
EXTVERSION := $(shell sed -nE "s/^default_version *= *'([^']*)'.*/\1/p" $(EXTENSION).control)
# The newest version whose scripts are in sql/releases, where they never change.
RELEASED := $(shell ls sql/releases | sed -nE 's/^$(EXTENSION)--([0-9.]+)\.sql$$/\1/p' | sort -V | tail -n 1)
# Where this repository is published, which META.json names.
REPOSITORY ?= https://repository.example/$(EXTENSION)

# These targets need no PostgreSQL yet. quick, check, demo, bench and format call the scripts, which leave this tree as it is.
# (PGXS has a target "check" of its own, so that it is left out then; make installcheck tests what is installed.)
ifneq ($(filter quick check demo bench format hooks META.json dist deb,$(MAKECMDGOALS)),)
quick: ; ./scripts/check --quick
check demo format: ; ./scripts/$@
bench: ; ./bench/run

# Has git check the formatting of each commit (scripts/hooks/pre-commit).
hooks: ; git config core.hooksPath scripts/hooks

META.json: META.json.in $(EXTENSION).control Makefile
	sed 's|@VERSION@|$(EXTVERSION)|g; s|@REPOSITORY@|$(REPOSITORY)|g' $< > $@

# The archive for PGXN, of what is committed.
dist: META.json
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ --add-file=META.json -o $(EXTENSION)-$(EXTVERSION).zip HEAD

# Packages for the versions of PostgreSQL that this Debian or Ubuntu supports; they are put in the directory above.
deb:
	pg_buildext updatecontrol
	dpkg-buildpackage -us -uc -b

.PHONY: quick check demo bench format hooks dist deb
else

MODULE_big = ledger_engine
# The names by which the SQL of version 0.1.0 calls the functions of the library.
MODULES = src/ledger_engine_0_1

OBJS = \
	src/archive/archive_files.o \
	src/archive/server_file.o \
	src/archive/sent_lines.o \
	src/check/difference.o \
	src/check/journal_sums.o \
	src/check/ledger_sections.o \
	src/check/header_digest.o \
	src/check/line_digest.o \
	src/check/line_sums.o \
	src/check/month_section.o \
	src/check/numbered_runs.o \
	src/check/row_seals.o \
	src/check/sealed_row.o \
	src/check/source_digest.o \
	src/check/source_keys.o \
	src/check/transaction_groups.o \
	src/check/value_digest.o \
	src/common/citus.o \
	src/common/code_check.o \
	src/common/code_map.o \
	src/common/columns.o \
	src/common/layout_check.o \
	src/common/ledger_engine.o \
	src/common/log_line.o \
	src/common/month.o \
	src/common/month_table.o \
	src/common/known_month.o \
	src/common/number_lock.o \
	src/common/parallel_rows.o \
	src/common/parallel_work.o \
	src/common/progress.o \
	src/common/query.o \
	src/common/row_holders.o \
	src/common/settings.o \
	src/common/settings_scope.o \
	src/common/stretches.o \
	src/common/trail.o \
	src/expand/batch.o \
	src/expand/comparison.o \
	src/expand/correction.o \
	src/expand/correction_writer.o \
	src/expand/expand.o \
	src/expand/expand_parallel.o \
	src/expand/expand_rows.o \
	src/expand/journal.o \
	src/expand/line_buckets.o \
	src/expand/line_dimensions.o \
	src/expand/line_net.o \
	src/expand/mirror.o \
	src/expand/replay.o \
	src/expand/reversal.o \
	src/expand/run_bases.o \
	src/expand/run_record.o \
	src/expand/run_tally.o \
	src/expand/source.o \
	src/expand/source_blocks.o \
	src/expand/staged_rows.o \
	src/expand/staging.o \
	src/expand/trial.o \
	src/init.o \
	src/ledger/amount.o \
	src/ledger/digest.o \
	src/ledger/exception.o \
	src/ledger/je_id.o \
	src/ledger/journal_map.o \
	src/ledger/line_layout.o \
	src/ledger/journal_key.o \
	src/ledger/line_reader.o \
	src/ledger/line_rows.o \
	src/ledger/row_digest.o \
	src/ledger/row_image.o \
	src/ledger/run_total.o \
	src/ledger/shared_staging.o \
	src/policy/account.o \
	src/policy/arithmetic.o \
	src/policy/balance_proof.o \
	src/policy/comparison_form.o \
	src/policy/entity.o \
	src/policy/evaluation.o \
	src/policy/expression.o \
	src/policy/expression_check.o \
	src/policy/expression_findings.o \
	src/policy/expression_fold.o \
	src/policy/expression_helpers.o \
	src/policy/fixed_point_compile.o \
	src/policy/fixed_point_evaluate.o \
	src/policy/linear_form.o \
	src/policy/period.o \
	src/policy/policy.o \
	src/policy/proof_path.o \
	src/policy/routing.o \
	src/policy/source_facts.o \
	src/policy/symbolic.o \
	src/policy/template.o \
	src/post/group_plan.o \
	src/post/header_indexes.o \
	src/post/ledger_target.o \
	src/post/post.o \
	src/post/line_copy.o \
	src/post/line_indexes.o \
	src/post/line_seals.o \
	src/post/post_headers.o \
	src/post/post_lines.o \
	src/post/post_run.o \
	src/post/post_seals.o \
	src/preview/compare.o \
	src/preview/effect.o \
	src/preview/explain.o \
	src/preview/preview_journals.o \
	src/preview/two_policies.o \
	src/seal/book_seal.o \
	src/seal/evidence.o \
	src/seal/exception_tree.o \
	src/seal/extent_merge.o \
	src/seal/form.o \
	src/seal/hash.o \
	src/seal/balance_leaf.o \
	src/seal/leaf.o \
	src/seal/merkle.o \
	src/seal/merkle_path.o \
	src/seal/month_seal.o \
	src/seal/seal_rows.o \
	src/seal/seal_writer.o \
	src/seal/policy_leaf.o \
	src/seal/section.o \
	src/seal/spool.o \
	src/table/brin_summary.o \
	src/table/brin_ranges.o \
	src/table/btree_file.o \
	src/table/bulk_writer.o \
	src/table/child_columns.o \
	src/table/heap_writer.o \
	src/table/index_builds.o \
	src/table/index_keys.o \
	src/table/key_scan.o \
	src/table/new_file.o \
	src/table/new_rows_scan.o \
	src/table/page_file.o \
	src/table/page_groups.o \
	src/table/page_reader.o \
	src/table/row_scan.o \
	src/table/seen_storage.o

# The install script is put together from one file a topic, in the order of their dependencies.
SQL_PARTS = \
	sql/common/trust.sql \
	sql/common/engine.sql \
	sql/common/terms.sql \
	sql/common/install.sql \
	sql/common/guard.sql \
	sql/common/uninstall.sql \
	sql/common/progress.sql \
	sql/common/locks.sql \
	sql/common/partitions.sql \
	sql/common/attached.sql \
	sql/source/source.sql \
	sql/source/taken.sql \
	sql/source/waiting.sql \
	sql/source/loads.sql \
	sql/policy/templates.sql \
	sql/runs/runs.sql \
	sql/runs/run_steps.sql \
	sql/runs/claims.sql \
	sql/runs/staging.sql \
	sql/policy/policy.sql \
	sql/runs/posted_rows.sql \
	sql/runs/validate.sql \
	sql/ledger/ledger.sql \
	sql/ledger/post.sql \
	sql/seal/seals.sql \
	sql/seal/history.sql \
	sql/seal/log.sql \
	sql/seal/events.sql \
	sql/seal/policy_seals.sql \
	sql/seal/policy_trail.sql \
	sql/seal/verify_rows.sql \
	sql/seal/verify_events.sql \
	sql/seal/verify.sql \
	sql/seal/prove.sql \
	sql/close/periods.sql \
	sql/close/books.sql \
	sql/close/findings.sql \
	sql/close/year.sql \
	sql/close/rehearse.sql \
	sql/runs/kinds.sql \
	sql/runs/reversal.sql \
	sql/runs/rebook.sql \
	sql/policy/entities.sql \
	sql/policy/elimination.sql \
	sql/policy/statement_layouts.sql \
	sql/runs/exceptions.sql \
	sql/runs/repeated.sql \
	sql/runs/correction.sql \
	sql/runs/entered.sql \
	sql/manual/manual_journal.sql \
	sql/manual/manual_steps.sql \
	sql/manual/opening.sql \
	sql/policy/policy_guard.sql \
	sql/policy/codes.sql \
	sql/policy/limits.sql \
	sql/policy/checks.sql \
	sql/policy/release.sql \
	sql/policy/release_checks.sql \
	sql/policy/policy_file.sql \
	sql/policy/history.sql \
	sql/policy/findings.sql \
	sql/policy/which_policy.sql \
	sql/policy/policy_then.sql \
	sql/policy/preview.sql \
	sql/policy/balance.sql \
	sql/policy/explain.sql \
	sql/ledger/snapshot.sql \
	sql/ledger/trial_balance.sql \
	sql/close/line_sums.sql \
	sql/close/reconciliation.sql \
	sql/close/agreements.sql \
	sql/close/disagreements.sql \
	sql/runs/month.sql \
	sql/runs/book.sql \
	sql/archive/archive.sql \
	sql/archive/compress.sql \
	sql/archive/retention.sql \
	sql/archive/export.sql \
	sql/runs/replay.sql \
	sql/runs/control.sql \
	sql/runs/run_keys.sql \
	sql/source/dimensions.sql \
	sql/operate/schedule.sql \
	sql/operate/health.sql \
	sql/ledger/views.sql \
	sql/runs/run_views.sql \
	sql/reports/account_ledger.sql \
	sql/reports/trial_balance_at.sql \
	sql/reports/journal.sql \
	sql/reports/explain_journal.sql \
	sql/reports/movement.sql \
	sql/reports/hierarchy.sql \
	sql/reports/statement_amounts.sql \
	sql/reports/statements.sql \
	sql/reports/exceptions_report.sql \
	sql/seal/numbering.sql \
	sql/bi/schema.sql \
	sql/bi/books.sql \
	sql/bi/rules.sql \
	sql/bi/ledger.sql \
	sql/bi/runs.sql \
	sql/bi/statements.sql \
	sql/audit/common.sql \
	sql/audit/fec.sql \
	sql/audit/audit_data.sql \
	sql/audit/saft.sql \
	sql/pack/html.sql \
	sql/pack/style.sql \
	sql/pack/script.sql \
	sql/pack/charts.sql \
	sql/pack/figures.sql \
	sql/pack/statements.sql \
	sql/pack/evidence.sql \
	sql/pack/month_end_pack.sql \
	sql/cluster/node.sql \
	sql/cluster/coordinator.sql \
	sql/cluster/inbox.sql \
	sql/cluster/policy.sql \
	sql/cluster/runs.sql \
	sql/cluster/reports.sql \
	sql/common/comments.sql \
	sql/common/roles.sql \
	sql/common/rights.sql \
	sql/sample/sample_statements.sql \
	sql/sample/sample_takaful.sql \
	sql/sample/sample_transactions.sql \
	$(CRASH_POINT_SQL) \
	sql/common/integrity.sql \
	sql/common/grants.sql

# Bitcode is made with these and not with PG_CFLAGS. What is not marked with PGDLLEXPORT stays within the library; version 15 does
# not define it.
PG_CPPFLAGS = -Isrc -DLEDGER_ENGINE_VERSION='"$(EXTVERSION)"' -DPGDLLEXPORT='__attribute__((visibility("default")))'

# For tests: points at which a process waits to be killed (src/common/crash_point.h).
ifdef CRASH_POINTS
OBJS += src/common/crash_point.o
PG_CPPFLAGS += -DLEDGER_CRASH_POINTS
CRASH_POINT_SQL = sql/common/crash_point.sql
CRASH_POINT_CALL = PERFORM acct._crash_point('\2');
else
CRASH_POINT_CALL =
endif

INSTALL_SQL = $(EXTENSION)--$(EXTVERSION).sql
DELTA_SQL = $(EXTENSION)--$(RELEASED)--$(EXTVERSION).sql
DATA = $(wildcard sql/releases/*.sql sql/releases/*.control)
DATA_built = $(INSTALL_SQL) $(DELTA_SQL)

PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-cast-function-type -fvisibility=hidden

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test --load-extension=ledger_engine
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
# The others start from the first, also where some are named: make installcheck REGRESS= TAP_TESTS= ISOLATION=post_twice
ifneq ($(strip $(ISOLATION)),)
override ISOLATION := helpers $(filter-out helpers,$(ISOLATION))
endif
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

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)
# What names the version
VERSIONED := $(patsubst %.c,%.o,$(shell grep -l LEDGER_ENGINE_VERSION src/*.c src/*/*.c))
$(VERSIONED) $(VERSIONED:.o=.bc): ledger_engine.control

$(INSTALL_SQL): $(SQL_PARTS)
	{ printf '%s\n\n' '\echo Use "CREATE EXTENSION ledger_engine" to load this file. \quit'; cat $^; } \
		| sed -E "s/^( *)-- crash point: ([a-z_]+)$$/\1$(CRASH_POINT_CALL)/; /^ +$$/d" > $@

# Made anew from both until EXTVERSION is released: what leads from the last release to it cannot be forgotten.
$(DELTA_SQL): scripts/make-delta sql/releases/$(EXTENSION)--$(RELEASED).sql $(INSTALL_SQL)
	perl $^ > $@

.DELETE_ON_ERROR:

endif
