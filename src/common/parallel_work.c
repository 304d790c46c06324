/*
 * parallel_work.c
 *		The leader's side of parallel work (see parallel_work.h).
 *
 * As the server's own parallel operations do, workers show the leader's query
 * and hand back what they used of buffers and of the log, so that monitoring
 * and EXPLAIN charge it to the query (the server's nbtsort.c is the model).
 */
#include "common/parallel_work.h"

#include "common/progress.h"
#include "common/settings.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/wait_event.h"

#define SHARED_KEY   1
#define VERSION_KEY  2
#define PROGRESS_KEY 3
#define QUERY_KEY    4
#define USAGE_KEY    5
#define KEYS         5

/* The leader's query. */
typedef struct SharedQuery
{
	uint64 query_id;
	char text[FLEXIBLE_ARRAY_MEMBER]; /* empty: not known */
} SharedQuery;

/* What a worker used. */
typedef struct Usage
{
	BufferUsage buffers;
	WalUsage wal;
	bool is_done; /* the worker did what it was asked for, to the end */
} Usage;

/* Of this process, which is a worker. */
static Usage *own_usage;

/* How often a leader that waits shows the progress of its workers. */
#define REPORT_MS 100

int
parallel_work_workers(BlockNumber nblocks)
{
	if (IsInParallelMode() || IsolationIsSerializable())
		return 0;
	return Min(max_workers, nblocks / Max(min_parallel_table_scan_size, 1));
}

/* What a worker has in common with its leader is one version's: tells it which. */
static void
put_version(shm_toc *toc)
{
	char *version = shm_toc_allocate(toc, sizeof(LEDGER_ENGINE_VERSION));

	memcpy(version, LEDGER_ENGINE_VERSION, sizeof(LEDGER_ENGINE_VERSION));
	shm_toc_insert(toc, VERSION_KEY, version);
}

static void
put_progress(shm_toc *toc)
{
	ProgressCounters *shared = shm_toc_allocate(toc, sizeof(ProgressCounters));

	progress_share(shared);
	shm_toc_insert(toc, PROGRESS_KEY, shared);
}

static Size
query_size(void)
{
	return offsetof(SharedQuery, text) + (debug_query_string ? strlen(debug_query_string) : 0) + 1;
}

static void
put_query(shm_toc *toc)
{
	SharedQuery *query = shm_toc_allocate(toc, query_size());

	query->query_id = pgstat_get_my_query_id();
	strcpy(query->text, debug_query_string ? debug_query_string : "");
	shm_toc_insert(toc, QUERY_KEY, query);
}

static void
put_usage(ParallelWork *work, int nworkers)
{
	Size size = mul_size(nworkers, sizeof(Usage));
	Usage *usage = shm_toc_allocate(work->context->toc, size);

	memset(usage, 0, size);
	shm_toc_insert(work->context->toc, USAGE_KEY, usage);
	work->usage = usage;
}

bool
parallel_work_begin(ParallelWork *work, const char *function, Size shared_size, int nworkers)
{
	memset(work, 0, sizeof(ParallelWork));
	if (nworkers > 0)
	{
		/* In parallel mode none can be taken; on a standby there are none. */
		if (!RecoveryInProgress())
			(void) GetCurrentTransactionId();
		EnterParallelMode();
		work->context = CreateParallelContext("ledger_engine", function, nworkers);
		shm_toc_estimate_chunk(&work->context->estimator, shared_size);
		shm_toc_estimate_chunk(&work->context->estimator, sizeof(LEDGER_ENGINE_VERSION));
		shm_toc_estimate_chunk(&work->context->estimator, sizeof(ProgressCounters));
		shm_toc_estimate_chunk(&work->context->estimator, query_size());
		shm_toc_estimate_chunk(&work->context->estimator, mul_size(nworkers, sizeof(Usage)));
		shm_toc_estimate_keys(&work->context->estimator, KEYS);
		InitializeParallelDSM(work->context);
		work->shared = shm_toc_allocate(work->context->toc, shared_size);
		shm_toc_insert(work->context->toc, SHARED_KEY, work->shared);
		put_version(work->context->toc);
		put_progress(work->context->toc);
		put_query(work->context->toc);
		put_usage(work, nworkers);
	}
	else
		work->shared = palloc_extended(shared_size, MCXT_ALLOC_HUGE);
	memset(work->shared, 0, shared_size);
	return work->context != NULL && work->context->seg != NULL;
}

void
parallel_work_launch(ParallelWork *work)
{
	if (work->context == NULL)
		return;
	LaunchParallelWorkers(work->context);
	work->nworkers = work->context->nworkers_launched;
	progress_workers(work->nworkers);
}

/* Is there a worker that has not said that it is done? One that could not start is the server's to find. */
static bool
workers_are_at_work(const ParallelContext *context)
{
	pid_t pid;

	for (int i = 0; i < context->nworkers_launched; i++)
		if (context->worker[i].error_mqh != NULL &&
			GetBackgroundWorkerPid(context->worker[i].bgwhandle, &pid) != BGWH_STOPPED)
			return true;
	return false;
}

void
parallel_work_wait(ParallelWork *work)
{
	if (work->context == NULL)
		return;
	for (;;)
	{
		/* Reads what the workers say, too. */
		CHECK_FOR_INTERRUPTS();
		if (!workers_are_at_work(work->context))
			break;
		progress_flush();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, REPORT_MS,
						 WAIT_EVENT_PARALLEL_FINISH);
		ResetLatch(MyLatch);
	}
	WaitForParallelWorkersToFinish(work->context);
	for (int i = 0; i < work->nworkers; i++)
	{
		Usage *usage = (Usage *) work->usage + i;

		/* An error of a worker's ends the leader's step, unless somebody took it for one of his own. */
		if (!usage->is_done)
			elog(ERROR, "a parallel worker ended before its work was done");
		InstrAccumParallelQuery(&usage->buffers, &usage->wal);
	}
}

void
parallel_work_end(ParallelWork *work)
{
	if (work->context != NULL)
	{
		progress_unshare();
		progress_workers(0);
		DestroyParallelContext(work->context);
		ExitParallelMode();
	}
	else
		pfree(work->shared);
	work->shared = NULL;
}

/* This worker shows what its leader was asked for. */
static void
show_query(const SharedQuery *query)
{
	if (query->text[0] != '\0')
		debug_query_string = query->text;
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	pgstat_report_query_id(query->query_id, false);
}

void *
parallel_work_attach(shm_toc *toc)
{
	const char *version = shm_toc_lookup(toc, VERSION_KEY, true);

	Assert(IsParallelWorker());
	/* A worker loads the library anew, the leader has had it since it first needed it. */
	if (version == NULL || strcmp(version, LEDGER_ENGINE_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this session loaded another version of ledger_engine than its workers"),
				 errhint("Start a new session.")));
	show_query(shm_toc_lookup(toc, QUERY_KEY, false));
	own_usage = (Usage *) shm_toc_lookup(toc, USAGE_KEY, false) + ParallelWorkerNumber;
	InstrStartParallelQuery();
	progress_join(shm_toc_lookup(toc, PROGRESS_KEY, false));
	return shm_toc_lookup(toc, SHARED_KEY, false);
}

void
parallel_work_leave(void)
{
	Assert(IsParallelWorker() && own_usage != NULL);
	progress_leave();
	InstrEndParallelQuery(&own_usage->buffers, &own_usage->wal);
	own_usage->is_done = true;
}
