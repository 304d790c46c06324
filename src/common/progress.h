/*
 * progress.h
 *		What a run is doing, for other sessions and for whoever waits for it.
 *
 * A step (expand, post, ...) goes through phases, some of which count rows. The
 * process that leads the step shows them in the server's own table of command
 * progress, from which acct.run_progress reads: nothing needs to be preloaded,
 * and what is shown goes with the process. The same figures are raised as a
 * NOTICE every ledger_engine.progress_interval, and the most memory that a
 * process of the step had is looked at in passing.
 *
 * A step begins and ends in SQL (acct._progress_start, acct._progress_end).
 * Without it, all that is here does nothing; so rows may be counted by code that
 * does not know whether it is part of a step.
 */
#ifndef LEDGER_PROGRESS_H
#define LEDGER_PROGRESS_H

#include "common/ledger_engine.h"

#include "port/atomics.h"

typedef enum ProgressPhase
{
	PHASE_PREPARING,
	PHASE_TAKING_BATCHES,
	PHASE_READING_POLICY,
	PHASE_READING_SOURCE,
	PHASE_RECORDING_TOTALS,
	PHASE_ATTACHING_STAGING,
	PHASE_CHECKING_SOURCE,
	PHASE_CHECKING_JOURNALS,
	PHASE_CHECKING_LINES,
	PHASE_WAITING_FOR_BOOKS,
	PHASE_MAKING_PARTITIONS,
	PHASE_WRITING_ENTRIES,
	PHASE_SEALING,
	PHASE_BUILDING_INDEXES,
	PHASE_MOVING_BALANCES,
	PHASE_WAITING_FOR_READERS,
	PHASE_DROPPING_STAGING,
	PHASE_RECOMPUTING_BALANCES,
	PHASE_REWRITING_TABLES,
	PROGRESS_PHASES
} ProgressPhase;

/* Rows to do of a phase that counts none. */
#define PROGRESS_NO_ROWS (-1)

/* What the processes of a step add up. */
typedef struct ProgressCounters
{
	pg_atomic_uint64 rows;        /* done in the phase */
	pg_atomic_uint64 peak_memory; /* bytes, of the process that had most; 0: not known */
} ProgressCounters;

/* Rows that this process did and has not yet added; from how many on it does. */
typedef struct ProgressCount
{
	int64 pending;
	int64 limit;
} ProgressCount;

extern ProgressCount progress_count;

/* ledger_engine.progress_interval: milliseconds between notices; 0: none. */
extern int progress_interval;

/* The callbacks by which a step ends with its transaction. */
extern void progress_init(void);

/* Begins a phase of so many rows. */
extern void progress_phase(ProgressPhase phase, int64 rows);

/* The rows of the step, as it was told when it began; PROGRESS_NO_ROWS: not known. */
extern int64 progress_rows_of_step(void);

/* Adds the pending rows, and shows how far the phase is. */
extern void progress_flush(void);

/* Counts rows of the phase as done. */
static inline void
progress_add(int64 rows)
{
	progress_count.pending += rows;
	if (unlikely(progress_count.pending >= progress_count.limit))
		progress_flush();
}

/* The leader lets workers count too: from here to progress_unshare() in shared counters. */
extern void progress_share(ProgressCounters *shared);
extern void progress_unshare(void);

/* Looks at the memory of the process now, when it has what it will not have for long. */
extern void progress_look_at_memory(void);

/* Shows how many workers help. */
extern void progress_workers(int nworkers);

/* A worker counts in its leader's counters; its last rows are added by progress_leave(). */
extern void progress_join(ProgressCounters *shared);
extern void progress_leave(void);

#endif
