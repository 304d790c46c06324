/*
 * parallel_work.h
 *		Work that the server's parallel workers share with the process that was
 *		asked for it.
 *
 * They are part of the leader's transaction: what they write is its, and an
 * error or cancel in one ends all. A worker cannot insert rows, take
 * transaction ids or values of sequences; it can read, and fill pages of the
 * leader's new tables (page_file.h).
 */
#ifndef LEDGER_PARALLEL_WORK_H
#define LEDGER_PARALLEL_WORK_H

#include "common/ledger_engine.h"

#include "access/parallel.h"

typedef struct ParallelWork
{
	ParallelContext *context; /* NULL: the leader is alone */
	void *shared;             /* what all processes see */
	void *usage;              /* what workers used, by worker */
	int nworkers;             /* launched */
} ParallelWork;

/* How many workers some work is worth, by the blocks it reads: one for each min_parallel_table_scan_size. */
extern int parallel_work_workers(BlockNumber nblocks);

/*
 * Makes room for what the processes share. function is the name of the worker's
 * entry point in this library; it gets at the shared part by
 * parallel_work_attach(). With nworkers 0, and where the server has no segment of
 * shared memory to give, it is memory of this process, which then works alone:
 * false. In both cases parallel_work_end() is to follow.
 */
extern bool
parallel_work_begin(ParallelWork *work, const char *function, Size shared_size, int nworkers);

/* Starts the workers, as many as the server has; the shared part is ready for them. */
extern void parallel_work_launch(ParallelWork *work);

/* Waits until all workers are done, and shows meanwhile how far they are. What they used is added to what this process used. */
extern void parallel_work_wait(ParallelWork *work);

/* Ends the work; the shared part is gone. */
extern void parallel_work_end(ParallelWork *work);

/* The shared part, in a worker, which from here on shows its leader's query. An error where the leader is of another version of this library. */
extern void *parallel_work_attach(shm_toc *toc);

/* The number of this process: 0 for the leader, workers from 1. */
static inline int
parallel_work_process(void)
{
	return ParallelWorkerNumber + 1;
}

/* The last thing that a worker does: what it counted of the progress, and what it used, is its leader's. */
extern void parallel_work_leave(void);

#endif
