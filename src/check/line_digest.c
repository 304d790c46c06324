/*
 * line_digest.c
 *		Count, sums and digest of journal lines as they are now:
 *		acct._digest_table() reads a table of staging by page, by several processes
 *		where there are workers, acct._digest_shared() the rows of a run by index,
 *		acct._digest_lines() what a query returns.
 */
#include "ledger/line_rows.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "common/query.h"
#include "ledger/shared_staging.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_digest_table);
LEDGER_FUNCTION(ledger_digest_lines);
LEDGER_FUNCTION(ledger_digest_shared);

/* Blocks that a process takes at a time. */
#define STRETCH 16

/* What all processes see. */
typedef struct LineDigestShared
{
	Oid table;
	BlockNumber nblocks;
	pg_atomic_uint64 next;               /* stretch */
	LineSum sums[FLEXIBLE_ARRAY_MEMBER]; /* by process */
} LineDigestShared;

PGDLLEXPORT void ledger_engine_digest_worker(dsm_segment *seg, shm_toc *toc);

static void
add_line(const Line *line, void *sum)
{
	line_sum_add(sum, line);
}

/* Reads stretches of blocks until all are taken. */
static void
add_stretches(LineDigestShared *shared, Snapshot snapshot)
{
	Relation rel = table_open(shared->table, AccessShareLock);
	LineReader *lines = line_reader_open(rel);
	PageReader pages;
	LineSum sum = {0};

	page_reader_open(&pages, rel, snapshot);
	for (;;)
	{
		uint64 from = pg_atomic_fetch_add_u64(&shared->next, 1) * STRETCH;

		if (from >= shared->nblocks)
			break;
		for (BlockNumber block = from; block < Min(from + STRETCH, shared->nblocks); block++)
			progress_add(line_rows_of_block(&pages, lines, block, add_line, &sum));
	}
	shared->sums[parallel_work_process()] = sum;
	page_reader_close(&pages);
	line_reader_close(lines);
	table_close(rel, NoLock);
}

void
ledger_engine_digest_worker(dsm_segment *seg, shm_toc *toc)
{
	add_stretches(parallel_work_attach(toc), GetActiveSnapshot());
	parallel_work_leave();
}

static LineSum
sum_table(Oid table)
{
	Relation rel = table_open(table, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	int nworkers = parallel_work_workers(nblocks);
	ParallelWork work;
	LineDigestShared *shared;
	LineSum sum = {0};

	progress_phase(PHASE_CHECKING_LINES, progress_rows_of_step());
	parallel_work_begin(&work, "ledger_engine_digest_worker",
						offsetof(LineDigestShared, sums) + (nworkers + 1) * sizeof(LineSum),
						nworkers);
	shared = work.shared;
	shared->table = table;
	shared->nblocks = nblocks;
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

static Datum
return_sum(FunctionCallInfo fcinfo, const LineSum *sum)
{
	TupleDesc tupdesc;
	char digest[DIGEST_TEXT_SIZE];
	Datum values[4];
	bool nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	digest_to_text(sum->digest, digest);
	values[0] = Int64GetDatum(sum->lines);
	values[1] = amount_to_new_numeric(sum->debit);
	values[2] = amount_to_new_numeric(sum->credit);
	values[3] = CStringGetTextDatum(digest);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

Datum
ledger_digest_table(PG_FUNCTION_ARGS)
{
	LineSum sum = sum_table(PG_GETARG_OID(0));

	PG_RETURN_DATUM(return_sum(fcinfo, &sum));
}

Datum
ledger_digest_shared(PG_FUNCTION_ARGS)
{
	Relation rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	LineReader *lines = line_reader_open(rel);
	LineSum sum = {0};
	KeyScan rows;
	HeapTupleData tuple;

	progress_phase(PHASE_CHECKING_LINES, progress_rows_of_step());
	shared_staging_open(&rows, rel, PG_GETARG_INT64(1), GetActiveSnapshot());
	while (key_scan_next(&rows, &tuple))
	{
		Line line;

		CHECK_FOR_INTERRUPTS();
		line_reader_read(lines, &tuple, &line);
		line_sum_add(&sum, &line);
		progress_add(1);
	}
	key_scan_close(&rows);
	line_reader_close(lines);
	table_close(rel, NoLock);
	PG_RETURN_DATUM(return_sum(fcinfo, &sum));
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
	PG_RETURN_DATUM(return_sum(fcinfo, &sum));
}
