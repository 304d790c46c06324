/*
 * parallel_rows.c
 *		Rows of a result from several processes (see parallel_rows.h).
 */
#include "common/parallel_rows.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

static SharedTuplestore *
shared_store(SharedRows *shared)
{
	return (SharedTuplestore *) ((char *) shared + MAXALIGN(sizeof(SharedRows)));
}

Size
parallel_rows_size(int nworkers)
{
	return MAXALIGN(sizeof(SharedRows)) + MAXALIGN(sts_estimate(nworkers + 1));
}

void
parallel_rows_open(ParallelRows *rows, SharedRows *shared, const ParallelWork *work, int nworkers,
				   ReturnSetInfo *result)
{
	rows->tupdesc = result->setDesc;
	rows->result = result->setResult;
	rows->spool = NULL;
	rows->context = CurrentMemoryContext;
	if (nworkers == 0)
		return;
	SharedFileSetInit(&shared->files, work->context->seg);
	rows->spool =
		sts_initialize(shared_store(shared), nworkers + 1, parallel_work_process(), 0,
					   SHARED_TUPLESTORE_SINGLE_PASS, &shared->files, "ledger_engine.rows");
}

void
parallel_rows_attach(ParallelRows *rows, SharedRows *shared, dsm_segment *seg, const Oid *types,
					 int ncolumns)
{
	rows->tupdesc = CreateTemplateTupleDesc(ncolumns);
	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(rows->tupdesc, i + 1, NULL, types[i], -1, 0);
	rows->result = NULL;
	rows->context = CurrentMemoryContext;
	SharedFileSetAttach(&shared->files, seg);
	rows->spool = sts_attach(shared_store(shared), parallel_work_process(), &shared->files);
}

void
parallel_rows_put(ParallelRows *rows, const Datum *values, const bool *isnull)
{
	MinimalTuple tuple;
	MemoryContext old;

	if (rows->result != NULL)
	{
		tuplestore_putvalues(rows->result, rows->tupdesc, (Datum *) values, (bool *) isnull);
		return;
	}
	tuple = form_minimal_tuple(rows->tupdesc, (Datum *) values, (bool *) isnull);
	/* The store allocates what it keeps. */
	old = MemoryContextSwitchTo(rows->context);
	sts_puttuple(rows->spool, NULL, tuple);
	MemoryContextSwitchTo(old);
	pfree(tuple);
}

void
parallel_rows_end(ParallelRows *rows)
{
	TupleTableSlot *slot;
	MinimalTuple tuple;

	if (rows->spool == NULL)
		return;
	sts_end_write(rows->spool);
	if (rows->result == NULL)
		return;
	slot = MakeSingleTupleTableSlot(rows->tupdesc, &TTSOpsMinimalTuple);
	sts_begin_parallel_scan(rows->spool);
	while ((tuple = sts_parallel_scan_next(rows->spool, NULL)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(tuple, slot, false);
		tuplestore_puttupleslot(rows->result, slot);
	}
	sts_end_parallel_scan(rows->spool);
	ExecDropSingleTupleTableSlot(slot);
}
