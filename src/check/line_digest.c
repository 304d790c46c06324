/*
 * line_digest.c
 *		Count, sums and digest of journal lines as they are now:
 *		acct._digest_table() reads a table of staging by page, by several processes
 *		where there are workers, acct._digest_staged_lines() a run's there, or by index
 *		where runs share it, acct._digest_lines() what a query returns.
 */
#include "common/columns.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "ledger/line_rows.h"
#include "ledger/row_digest.h"
#include "ledger/shared_staging.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_digest_table);
LEDGER_FUNCTION(ledger_digest_lines);
LEDGER_FUNCTION(ledger_digest_staged_lines);

/* Blocks that a process takes at a time. */
#define STRETCH 16

/* What all processes see. Behind it: the columns that a site added (text[]). */
typedef struct LineDigestShared
{
	Oid table;
	BlockNumber nblocks;
	Size added_at;                       /* 0: none are digested */
	pg_atomic_uint64 next;               /* stretch */
	LineSum sums[FLEXIBLE_ARRAY_MEMBER]; /* by process */
} LineDigestShared;

PGDLLEXPORT void ledger_engine_digest_worker(dsm_segment *seg, shm_toc *toc);

static void
add_line(const Line *line, void *sum)
{
	line_sum_add(sum, line);
}

/* The lines of a table, and the columns among them that a site added, where there are names. */
typedef struct LineScan
{
	LineReader *reader;
	int scope;
} LineScan;

static void
lines_open(LineScan *lines, Relation rel, ArrayType *names)
{
	lines->reader = line_reader_open(rel);
	lines->scope = 0;
	if (names != NULL)
		line_reader_digest_added(lines->reader, PointerGetDatum(names));
	if (line_reader_prints(lines->reader))
		lines->scope = settings_scope_open_pinned();
}

static void
lines_close(LineScan *lines)
{
	if (line_reader_prints(lines->reader))
		settings_scope_close(lines->scope);
	line_reader_close(lines->reader);
}

static ArrayType *
shared_names(LineDigestShared *shared)
{
	return shared->added_at == 0 ? NULL : (ArrayType *) ((char *) shared + shared->added_at);
}

/* Reads stretches of blocks until all are taken. */
static void
add_stretches(LineDigestShared *shared, Snapshot snapshot)
{
	Relation rel = table_open(shared->table, AccessShareLock);
	LineScan lines;
	PageReader pages;
	LineSum sum = {0};

	lines_open(&lines, rel, shared_names(shared));
	page_reader_open(&pages, rel, snapshot);
	for (;;)
	{
		uint64 from = pg_atomic_fetch_add_u64(&shared->next, 1) * STRETCH;

		if (from >= shared->nblocks)
			break;
		for (BlockNumber block = from; block < Min(from + STRETCH, shared->nblocks); block++)
			progress_add(line_rows_of_block(&pages, lines.reader, block, add_line, &sum));
	}
	shared->sums[parallel_work_process()] = sum;
	page_reader_close(&pages);
	lines_close(&lines);
	table_close(rel, NoLock);
}

void
ledger_engine_digest_worker(dsm_segment *seg, shm_toc *toc)
{
	add_stretches(parallel_work_attach(toc), GetActiveSnapshot());
	parallel_work_leave();
}

static LineSum
sum_table(Oid table, ArrayType *names)
{
	Relation rel = table_open(table, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	int nworkers = parallel_work_workers(nblocks);
	ParallelWork work;
	LineDigestShared *shared;
	LineSum sum = {0};
	Size added_at = MAXALIGN(offsetof(LineDigestShared, sums) + (nworkers + 1) * sizeof(LineSum));

	progress_phase(PHASE_CHECKING_LINES, progress_rows_of_step());
	parallel_work_begin(&work, "ledger_engine_digest_worker",
						added_at + (names != NULL ? VARSIZE(names) : 0), nworkers);
	shared = work.shared;
	shared->table = table;
	shared->nblocks = nblocks;
	shared->added_at = names != NULL ? added_at : 0;
	if (names != NULL)
		memcpy(shared_names(shared), names, VARSIZE(names));
	pg_atomic_init_u64(&shared->next, 0);
	parallel_work_launch(&work);
	add_stretches(shared, GetActiveSnapshot());
	parallel_work_wait(&work);
	for (int i = 0; i <= work.nworkers; i++)
		line_sum_add_sum(&sum, &shared->sums[i]);
	parallel_work_end(&work);
	table_close(rel, NoLock);
	return sum;
}

/* lines, debit, credit, digest; and of columns that a site added, where the function has these: digest, columns, types */
#define RESULT_COLUMNS 7

static Datum
return_sum(FunctionCallInfo fcinfo, const LineSum *sum, Datum added_columns, Datum added_types)
{
	TupleDesc tupdesc;
	char digest[DIGEST_TEXT_SIZE];
	char added[DIGEST_TEXT_SIZE];
	Datum values[RESULT_COLUMNS];
	bool nulls[RESULT_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	digest_to_text(sum->digest, digest);
	values[0] = Int64GetDatum(sum->lines);
	values[1] = amount_to_new_numeric(sum->debit);
	values[2] = amount_to_new_numeric(sum->credit);
	values[3] = CStringGetTextDatum(digest);
	digest_to_text(sum->added, added);
	values[4] = CStringGetTextDatum(added);
	values[5] = added_columns;
	values[6] = added_types;
	nulls[4] = nulls[5] = nulls[6] = added_columns == (Datum) 0;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

Datum
ledger_digest_table(PG_FUNCTION_ARGS)
{
	LineSum sum = sum_table(PG_GETARG_OID(0), NULL);

	PG_RETURN_DATUM(return_sum(fcinfo, &sum, (Datum) 0, (Datum) 0));
}

/* The lines of a run in a table that it shares with others. */
static LineSum
sum_shared(Relation rel, int64 run_id, ArrayType *names)
{
	LineScan lines;
	LineSum sum = {0};
	KeyScan rows;
	HeapTupleData tuple;

	progress_phase(PHASE_CHECKING_LINES, progress_rows_of_step());
	lines_open(&lines, rel, names);
	shared_staging_open(&rows, rel, run_id, GetActiveSnapshot());
	while (key_scan_next(&rows, &tuple))
	{
		Line line;

		CHECK_FOR_INTERRUPTS();
		line_reader_read(lines.reader, &tuple, &line);
		line_sum_add(&sum, &line);
		progress_add(1);
	}
	key_scan_close(&rows);
	lines_close(&lines);
	return sum;
}

/* p_table, p_run_id, p_added; NULL: all that the site added */
Datum
ledger_digest_staged_lines(PG_FUNCTION_ARGS)
{
	Relation rel;
	RowDigest *added;
	ArrayType *names = NULL;
	LineSum sum;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		elog(ERROR, "staged lines are those of a run in a table");
	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	if (PG_ARGISNULL(2))
		added = row_digest_open_added(RelationGetDescr(rel));
	else if (ARR_NDIM(PG_GETARG_ARRAYTYPE_P(2)) == 0)
		added = NULL;
	else
		added = row_digest_open_kept(RelationGetDescr(rel), PG_GETARG_DATUM(2));
	if (added != NULL)
		names = DatumGetArrayTypeP(row_digest_names(added));
	if (staging_is_shared(rel))
		sum = sum_shared(rel, PG_GETARG_INT64(1), names);
	else
		sum = sum_table(RelationGetRelid(rel), names);
	table_close(rel, NoLock);
	PG_RETURN_DATUM(return_sum(fcinfo, &sum, added == NULL ? (Datum) 0 : PointerGetDatum(names),
							   added == NULL ? (Datum) 0 : row_digest_types(added)));
}

static void
add_query_line(const Line *line, void *sum)
{
	line_sum_add(sum, line);
	progress_add(1);
}

/* The query returns the columns of a line but its first two, which the digest leaves out. */
Datum
ledger_digest_lines(PG_FUNCTION_ARGS)
{
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	LineSum sum = {0};
	QueryLines lines;

	progress_phase(PHASE_CHECKING_LINES, progress_rows_of_step());
	line_rows_open(&lines, LINE_TXN_ID, add_query_line, &sum);
	query_open();
	query_call(sql, NULL, line_rows_take, &lines);
	query_close();
	line_rows_close(&lines);
	PG_RETURN_DATUM(return_sum(fcinfo, &sum, (Datum) 0, (Datum) 0));
}
