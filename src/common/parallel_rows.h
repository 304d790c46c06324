/*
 * parallel_rows.h
 *		The rows of a function's result, where several processes make them.
 *
 * Workers put their rows away, and the leader adds them to its own once all are
 * done.
 */
#ifndef LEDGER_PARALLEL_ROWS_H
#define LEDGER_PARALLEL_ROWS_H

#include "common/parallel_work.h"

#include "nodes/execnodes.h"
#include "storage/sharedfileset.h"
#include "utils/sharedtuplestore.h"

/* The part that all processes see; the rows of workers are behind it. */
typedef struct SharedRows
{
	SharedFileSet files;
} SharedRows;

typedef struct ParallelRows
{
	TupleDesc tupdesc;
	Tuplestorestate *result;         /* NULL: this process is a worker */
	SharedTuplestoreAccessor *spool; /* NULL: this process is alone */
	MemoryContext context;
} ParallelRows;

/* Room for the shared part, a multiple of the largest alignment. */
extern Size parallel_rows_size(int nworkers);

/* In the leader, whose result has been initialized, before it starts nworkers workers (0: there are none, nor anything shared). */
extern void parallel_rows_open(ParallelRows *rows, SharedRows *shared, const ParallelWork *work,
							   int nworkers, ReturnSetInfo *result);

/* In a worker: types are those of the columns. */
extern void parallel_rows_attach(ParallelRows *rows, SharedRows *shared, dsm_segment *seg,
								 const Oid *types, int ncolumns);

extern void parallel_rows_put(ParallelRows *rows, const Datum *values, const bool *isnull);

/* In a worker: it puts no more. In the leader: all workers are done, and their rows go to the result. */
extern void parallel_rows_end(ParallelRows *rows);

#endif
