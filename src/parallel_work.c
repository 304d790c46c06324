/*
 * parallel_work.c
 *		The leader's side of parallel work (see parallel_work.h).
 */
#include "parallel_work.h"

#include "settings.h"

#include "access/xact.h"
#include "optimizer/paths.h"

#define SHARED_KEY  1
#define VERSION_KEY 2

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
		shm_toc_estimate_keys(&work->context->estimator, 2);
		InitializeParallelDSM(work->context);
		work->shared = shm_toc_allocate(work->context->toc, shared_size);
		shm_toc_insert(work->context->toc, SHARED_KEY, work->shared);
		put_version(work->context->toc);
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
}

void
parallel_work_wait(ParallelWork *work)
{
	if (work->context != NULL)
		WaitForParallelWorkersToFinish(work->context);
}

void
parallel_work_end(ParallelWork *work)
{
	if (work->context != NULL)
	{
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
	return shm_toc_lookup(toc, SHARED_KEY, false);
}
