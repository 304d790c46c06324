/*
 * index_builds.c
 *		Building indexes of new tables (see index_builds.h).
 *
 * What REINDEX does (reindex_index() of index.c, 15 to 18), in three steps: the leader gives each index a new, empty
 * file; the processes run the access methods' builders, largest index first;
 * the leader records the sizes. Builders write pages and log them, which
 * parallel workers may do, as the server's own do the scan and the sort.
 * Indexes with expressions or predicates, which may do what parallel mode
 * forbids, are left to REINDEX. maintenance_work_mem is shared by the processes.
 */
#include "table/index_builds.h"

#include "common/compat.h"
#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "common/settings_scope.h"
#include "table/new_rows_scan.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "commands/vacuum.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The least that a sort gets, in kB. */
#define MIN_SORT_MEMORY 1024

typedef struct PendingIndex
{
	Oid table;
	Oid index;
	double work; /* to compare it with others */
	int64 nrows; /* of the table */
	bool plain;  /* no expression, no predicate: any process can build it */
	bool filled; /* without a build */
	double table_rows;
	double index_rows;
} PendingIndex;

/* An index that its table's writer filled. */
typedef struct FilledIndex
{
	Oid index;
	double entries;
} FilledIndex;

/* What all processes see. */
typedef struct Shared
{
	int nprocesses;
	int nindexes;
	pg_atomic_uint64 next;
	PendingIndex indexes[FLEXIBLE_ARRAY_MEMBER];
} Shared;

PGDLLEXPORT void ledger_engine_index_worker(dsm_segment *seg, shm_toc *toc);

/* A guess: a key that is sorted costs most, then one that lies in order, then a summary. */
static double
guess_work(Relation index, BlockNumber nblocks)
{
	if (index->rd_rel->relam != BTREE_AM_OID)
		return nblocks;
	return nblocks * (index->rd_index->indisunique ? 4.0 : 3.0);
}

static bool
is_plain(Relation index)
{
	return (index->rd_rel->relam == BTREE_AM_OID || index->rd_rel->relam == BRIN_AM_OID) &&
		   RelationGetIndexExpressions(index) == NIL && RelationGetIndexPredicate(index) == NIL &&
		   !index->rd_index->indisexclusion;
}

/* Gives an index an empty file, for its builder or for what fills it otherwise: that of an empty table may have pages already. */
static void
give_file(Oid index)
{
	Relation rel = index_open(index, AccessExclusiveLock);

	set_new_relation_file(rel, rel->rd_rel->relpersistence);
	index_close(rel, NoLock);
}

bool
index_builds_claim(Relation table, Oid *indexes, int count, IsOwnIndex is_own)
{
	List *oids = RelationGetIndexList(table);
	bool any = false;
	ListCell *lc;

	foreach(lc, oids)
	{
		Relation index = index_open(lfirst_oid(lc), AccessExclusiveLock);

		for (int which = 0; which < count; which++)
			if (!OidIsValid(indexes[which]) && is_own(table, index, which))
			{
				indexes[which] = lfirst_oid(lc);
				any = true;
				break;
			}
		index_close(index, NoLock);
	}
	for (int which = 0; which < count; which++)
		if (OidIsValid(indexes[which]))
			give_file(indexes[which]);
	list_free(oids);
	return any;
}

void
index_builds_filled(IndexBuilds *builds, Oid index, double entries)
{
	FilledIndex *filled = palloc_object(FilledIndex);

	filled->index = index;
	filled->entries = entries;
	builds->filled = lappend(builds->filled, filled);
}

/* What is known of an index that was filled; NULL: it was not. */
static const FilledIndex *
find_filled(const IndexBuilds *builds, Oid index)
{
	ListCell *lc;

	foreach(lc, builds->filled)
		if (((FilledIndex *) lfirst(lc))->index == index)
			return lfirst(lc);
	return NULL;
}

void
index_builds_add(IndexBuilds *builds, Relation table, int64 nrows)
{
	List *oids = RelationGetIndexList(table);
	ListCell *lc;

	foreach(lc, oids)
	{
		PendingIndex *pending = palloc0_object(PendingIndex);
		Relation index = index_open(lfirst_oid(lc), AccessExclusiveLock);
		const FilledIndex *filled = find_filled(builds, lfirst_oid(lc));

		pending->table = RelationGetRelid(table);
		pending->index = lfirst_oid(lc);
		pending->work = guess_work(index, RelationGetNumberOfBlocks(table));
		pending->nrows = nrows;
		pending->plain = is_plain(index);
		pending->filled = filled != NULL;
		pending->table_rows = nrows;
		pending->index_rows = filled != NULL ? filled->entries : 0;
		builds->indexes = lappend(builds->indexes, pending);
		index_close(index, NoLock);
	}
	list_free(oids);
}

static void
reindex(const PendingIndex *pending)
{
	char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(pending->index)),
											get_rel_name(pending->index));

	MemoryContext caller = CurrentMemoryContext;

	if (SPI_execute(psprintf("REINDEX INDEX %s", name), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not build index %s", name);
	MemoryContextSwitchTo(caller);
	progress_add(pending->nrows);
}

static int
more_work_first(const ListCell *a, const ListCell *b)
{
	const PendingIndex *x = lfirst(a);
	const PendingIndex *y = lfirst(b);

	return (x->work < y->work) - (x->work > y->work);
}

static void
build(PendingIndex *pending)
{
	Relation table = table_open(pending->table, AccessShareLock);
	Relation index = index_open(pending->index, RowExclusiveLock);
	IndexBuildResult *result;
	TableAmRoutine routine;
	const TableAmRoutine *own_routine = new_rows_use_scan(table, &routine);

	PG_TRY();
	{
		result = index->rd_indam->ambuild(table, index, BuildIndexInfo(index));
	}
	PG_FINALLY();
	{
		table->rd_tableam = own_routine;
	}
	PG_END_TRY();
	pending->table_rows = result->heap_tuples;
	pending->index_rows = result->index_tuples;
	index_close(index, NoLock);
	table_close(table, NoLock);
	progress_add(pending->nrows);
}

/* Builds indexes until all are taken. */
static void
build_all(Shared *shared)
{
	/* The processes share what the setting allows one. */
	int kilobytes = Max(maintenance_work_mem / shared->nprocesses, MIN_SORT_MEMORY);
	ScopedSetting of_each = {"maintenance_work_mem", psprintf("%dkB", kilobytes)};
	int scope = settings_scope_open(&of_each, 1);

	for (;;)
	{
		uint64 n = pg_atomic_fetch_add_u64(&shared->next, 1);

		if (n >= shared->nindexes)
			break;
		build(&shared->indexes[n]);
		if (IsParallelWorker())
			CRASH_POINT("post_worker_index_built");
		else
			CRASH_POINT("post_index_built");
	}
	settings_scope_close(scope);
}

void
ledger_engine_index_worker(dsm_segment *seg, shm_toc *toc)
{
	build_all(parallel_work_attach(toc));
	parallel_work_leave();
}

static void
record_size(Relation rel, double rows)
{
	bool frozen_updated;
	bool multixact_updated;

	update_relation_stats(rel, RelationGetNumberOfBlocks(rel), rows, 0,
						  rel->rd_rel->relkind == RELKIND_RELATION, InvalidTransactionId,
						  InvalidMultiXactId, &frozen_updated, &multixact_updated, true);
}

static void
record_sizes(const PendingIndex *built)
{
	Relation table = table_open(built->table, NoLock);
	Relation index = index_open(built->index, NoLock);

	record_size(table, built->table_rows);
	record_size(index, built->index_rows);
	index_close(index, NoLock);
	table_close(table, NoLock);
}

/* How many workers the indexes are worth. */
static int
count_workers(List *indexes)
{
	double work = 0;
	ListCell *lc;

	foreach(lc, indexes)
		work += ((PendingIndex *) lfirst(lc))->work;
	return Min(parallel_work_workers(Min(work, MaxBlockNumber)), list_length(indexes) - 1);
}

static void
build_plain(List *indexes)
{
	int nworkers = count_workers(indexes);
	ParallelWork work;
	Shared *shared;
	ListCell *lc;

	list_sort(indexes, more_work_first);
	parallel_work_begin(&work, "ledger_engine_index_worker",
						offsetof(Shared, indexes) + list_length(indexes) * sizeof(PendingIndex),
						nworkers);
	shared = work.shared;
	shared->nprocesses = nworkers + 1;
	shared->nindexes = list_length(indexes);
	pg_atomic_init_u64(&shared->next, 0);
	foreach(lc, indexes)
		shared->indexes[foreach_current_index(lc)] = *(PendingIndex *) lfirst(lc);
	parallel_work_launch(&work);
	build_all(shared);
	parallel_work_wait(&work);
	foreach(lc, indexes)
		*(PendingIndex *) lfirst(lc) = shared->indexes[foreach_current_index(lc)];
	parallel_work_end(&work);
	foreach(lc, indexes)
		record_sizes(lfirst(lc));
	CommandCounterIncrement();
}

void
index_builds_run(IndexBuilds *builds)
{
	List *plain = NIL;
	int64 nrows = 0;
	ListCell *lc;

	CommandCounterIncrement();
	foreach(lc, builds->indexes)
		if (!((PendingIndex *) lfirst(lc))->filled)
			nrows += ((PendingIndex *) lfirst(lc))->nrows;
	progress_phase(PHASE_BUILDING_INDEXES, nrows);
	foreach(lc, builds->indexes)
	{
		PendingIndex *pending = lfirst(lc);

		if (pending->filled)
			record_sizes(pending);
		else if (!pending->plain)
			reindex(pending);
		else
		{
			give_file(pending->index);
			plain = lappend(plain, pending);
		}
	}
	CommandCounterIncrement();
	CRASH_POINT("post_index_files");
	if (plain != NIL)
		build_plain(plain);
}
