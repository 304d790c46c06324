/*
 * digest_table.c
 *		acct._digest_table(): count, sums and digest of the lines in a table of
 *		staging, read by page, by several processes where there are workers.
 */
#include "common/parallel_work.h"
#include "common/progress.h"
#include "ledger/line_reader.h"
#include "table/page_file.h"
#include "table/page_reader.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_digest_table);

/* Blocks that a process takes at a time. */
#define STRETCH 16

/* What all processes see. */
typedef struct Shared
{
	Oid table;
	BlockNumber nblocks;
	pg_atomic_uint64 next;               /* stretch */
	LineSum sums[FLEXIBLE_ARRAY_MEMBER]; /* by process */
} Shared;

PGDLLEXPORT void ledger_engine_digest_worker(dsm_segment *seg, shm_toc *toc);

static void
add_page(PageReader *pages, LineReader *lines, char *page, BlockNumber block, LineSum *sum)
{
	OffsetNumber last;

	CHECK_FOR_INTERRUPTS();
	if (!page_reader_page(pages, block, page))
		return;
	last = PageGetMaxOffsetNumber((Page) page);
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;

		if (!page_reader_row(pages, page, i, &tuple))
			continue;
		line_reader_read(lines, &tuple, &line);
		line_sum_add(sum, &line);
	}
	progress_add(last);
}

/* Reads stretches of blocks until all are taken. */
static void
add_stretches(Shared *shared, Snapshot snapshot)
{
	Relation rel = table_open(shared->table, AccessShareLock);
	LineReader *lines = line_reader_open(rel);
	PageReader pages;
	char *page = page_file_alloc_extent();
	LineSum sum = {0};

	page_reader_open(&pages, rel, snapshot);
	for (;;)
	{
		uint64 from = pg_atomic_fetch_add_u64(&shared->next, 1) * STRETCH;

		if (from >= shared->nblocks)
			break;
		for (BlockNumber block = from; block < Min(from + STRETCH, shared->nblocks); block++)
			add_page(&pages, lines, page, block, &sum);
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
	Shared *shared;
	LineSum sum = {0};

	progress_phase(PHASE_CHECKING_LINES, progress_rows_of_step());
	parallel_work_begin(&work, "ledger_engine_digest_worker",
						offsetof(Shared, sums) + (nworkers + 1) * sizeof(LineSum), nworkers);
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

Datum
ledger_digest_table(PG_FUNCTION_ARGS)
{
	TupleDesc tupdesc;
	LineSum sum;
	char digest[DIGEST_TEXT_SIZE];
	Datum values[4];
	bool nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	sum = sum_table(PG_GETARG_OID(0));
	digest_to_text(sum.digest, digest);
	values[0] = Int64GetDatum(sum.lines);
	values[1] = amount_to_new_numeric(sum.debit);
	values[2] = amount_to_new_numeric(sum.credit);
	values[3] = CStringGetTextDatum(digest);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
