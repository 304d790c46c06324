/*
 * parallel_work.c
 *		The leader's side of parallel work (see parallel_work.h).
 */
#include "parallel_work.h"

#include "progress.h"
#include "settings.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#define SHARED_KEY   1
#define VERSION_KEY  2
#define PROGRESS_KEY 3

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

void
parallel_work_begin(ParallelWork *work, const char *function, Size shared_size, int nworkers)
{
	memset(work, 0, sizeof(ParallelWork));
	if (nworkers > 0)
	{
		/* In parallel mode none can be taken. */
		(void) GetCurrentTransactionId();
		EnterParallelMode();
		work->context = CreateParallelContext("ledger_engine", function, nworkers);
		shm_toc_estimate_chunk(&work->context->estimator, shared_size);
		shm_toc_estimate_chunk(&work->context->estimator, sizeof(LEDGER_ENGINE_VERSION));
		shm_toc_estimate_chunk(&work->context->estimator, sizeof(ProgressCounters));
		shm_toc_estimate_keys(&work->context->estimator, 3);
		InitializeParallelDSM(work->context);
		work->shared = shm_toc_allocate(work->context->toc, shared_size);
		shm_toc_insert(work->context->toc, SHARED_KEY, work->shared);
		put_version(work->context->toc);
		put_progress(work->context->toc);
	}
	else
		work->shared = palloc_extended(shared_size, MCXT_ALLOC_HUGE);
	memset(work->shared, 0, shared_size);
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

void *
parallel_work_attach(shm_toc *toc)
{
	const char *version = shm_toc_lookup(toc, VERSION_KEY, true);

	/* A worker loads the library anew, the leader has had it since it first needed it. */
	if (version == NULL || strcmp(version, LEDGER_ENGINE_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this session loaded another version of ledger_engine than its workers"),
				 errhint("Start a new session.")));
	progress_join(shm_toc_lookup(toc, PROGRESS_KEY, false));
	return shm_toc_lookup(toc, SHARED_KEY, false);
}

void
parallel_work_leave(void)
{
	progress_leave();
}
