/*
 * expand_parallel.c
 *		An expansion shared with parallel workers.
 *
 * The source is handed out by stretches of blocks. Each process reads the
 * policy for itself, by the leader's snapshot, expands its rows, and appends
 * extents to the same staging tables. What a worker may not write (exceptions,
 * rows with TOAST) and its totals it spools, and the leader takes them at the
 * end. Counts and digest each worker leaves in a place of its own, which the
 * leader reads when the worker has ended, so that nothing needs to be locked.
 * So the result is that of one process, save for je_id and the order of rows.
 */
#include "expand/expand_parallel.h"

#include "common/parallel_work.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/source_blocks.h"

#include "catalog/pg_type.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sharedtuplestore.h"

/* Transactions that are taken up again, for each block of the month: few are better found by index. */
#define MIN_TAKEN 4

/* Spools: one for each staging table, one for totals. */
#define SPOOL_TOTALS STAGING_TABLES
#define SPOOLS       (STAGING_TABLES + 1)

/* What a worker leaves to the leader. Behind it: counts by leaf, then by basis. */
typedef struct Outcome
{
	Digest lines;
	Digest headers;
	Digest added;
	Digest source_rows;
	int64 unbalanced;
	int nmonths; /* that use the run's range */
	DateADT months[JE_ID_MAX_MONTHS];
} Outcome;

/*
 * What all processes see. Behind it: leaves, outcomes of workers, blocks of je_id, spools, stretches,
 * transactions that are taken up again, the policy, and of a comparison posted tables and buckets, or what it found.
 */
typedef struct ExpandShared
{
	ExpandAim aim;
	int64 run_id;
	Oid header;
	Oid line;
	RowStamp stamp;
	int nprocesses; /* at most, the leader among them */
	int nleaves;
	int nbases;
	BlockNumber stretch;
	Size leaves_at;
	Size outcomes_at;
	Size outcome_size;
	Size blocks_at;
	Size spools_at;
	Size spool_size;
	Size wanted_at;
	int64 ntaken; /* 0: all rows that are read are the run's */
	Size taken_at;
	Size policy_at; /* 0: what is approved */
	int ntables;
	Size tables_at;
	uint32 nbuckets;
	Size buckets_at;
	Size found_at;
	SharedFileSet files;
	pg_atomic_uint64 next;        /* stretch */
	pg_atomic_uint64 next_posted; /* stretch of the posted tables */
	pg_atomic_uint64 je_id_taken; /* of the run's range */
} ExpandShared;

PGDLLEXPORT void ledger_engine_expand_worker(dsm_segment *seg, shm_toc *toc);

static SourceLeaf *
shared_leaves(ExpandShared *shared)
{
	return (SourceLeaf *) ((char *) shared + shared->leaves_at);
}

static Outcome *
shared_outcome(ExpandShared *shared, int worker)
{
	Assert(worker >= 0 && worker < shared->nprocesses - 1);
	return (Outcome *) ((char *) shared + shared->outcomes_at + worker * shared->outcome_size);
}

static Counts *
outcome_counts(Outcome *outcome)
{
	return (Counts *) ((char *) outcome + MAXALIGN(sizeof(Outcome)));
}

/* The identifiers taken beforehand for a worker. */
static int64 *
shared_blocks(ExpandShared *shared, int worker)
{
	Assert(worker >= 0 && worker < shared->nprocesses - 1);
	return (int64 *) ((char *) shared + shared->blocks_at) + worker * JE_ID_MAX_MONTHS;
}

static SharedTuplestore *
shared_spool(ExpandShared *shared, int spool)
{
	return (SharedTuplestore *) ((char *) shared + shared->spools_at + spool * shared->spool_size);
}

/* By stretch, of all leaves one after the other: it may have rows of the run. */
static bool *
shared_wanted(ExpandShared *shared)
{
	return (bool *) ((char *) shared + shared->wanted_at);
}

/* The transactions that are taken up again; NULL: all rows that are read are the run's. */
static const Taken *
shared_taken(ExpandShared *shared)
{
	Taken *taken;

	if (shared->ntaken == 0)
		return NULL;
	taken = palloc_object(Taken);
	taken->count = shared->ntaken;
	taken->txn_ids = (int64 *) ((char *) shared + shared->taken_at);
	return taken;
}

/* As policy_from_array() takes it; 0: what is approved. */
static Datum
shared_policy(ExpandShared *shared)
{
	return shared->policy_at == 0 ? (Datum) 0
								  : PointerGetDatum((char *) shared + shared->policy_at);
}

static PostedTable *
shared_tables(ExpandShared *shared)
{
	return (PostedTable *) ((char *) shared + shared->tables_at);
}

static void *
shared_buckets(ExpandShared *shared)
{
	return (char *) shared + shared->buckets_at;
}

static bytea *
shared_found(ExpandShared *shared)
{
	return (bytea *) ((char *) shared + shared->found_at);
}

/* Sets where what a comparison and a taking up need is, from a place on; the end. */
static Size
lay_out_inputs(const Expand *expand, ExpandShared *shared, const Taken *taken, Size at)
{
	shared->aim = expand->aim;
	shared->taken_at = at = MAXALIGN(at);
	shared->ntaken = taken->count;
	at = add_size(at, mul_size(taken->count, sizeof(int64)));
	if (expand->policy_items != (Datum) 0)
	{
		shared->policy_at = at = MAXALIGN(at);
		at = add_size(at, VARSIZE(DatumGetPointer(expand->policy_items)));
	}
	if (expand->aim == AIM_COMPARE)
	{
		shared->ntables = expand->posted->ntables;
		shared->tables_at = at = MAXALIGN(at);
		at = add_size(at, mul_size(shared->ntables, sizeof(PostedTable)));
		shared->nbuckets = line_buckets_count(expand->journals);
		shared->buckets_at = at = CACHELINEALIGN(at);
		at = add_size(at, line_buckets_size(shared->nbuckets));
	}
	else if (expand->aim == AIM_STAGE_FOUND)
	{
		shared->found_at = at = MAXALIGN(at);
		at = add_size(at, VARSIZE(expand->found));
	}
	return at;
}

/* Sets where the parts are; the size of all but what lay_out_inputs() adds. */
static Size
lay_out(ExpandShared *shared, int nprocesses, int nleaves, int nbases, BlockNumber nblocks)
{
	shared->stretch = source_blocks_stretch(nblocks, nprocesses);
	shared->nprocesses = nprocesses;
	shared->nleaves = nleaves;
	shared->nbases = nbases;
	shared->leaves_at = MAXALIGN(sizeof(ExpandShared));
	shared->outcomes_at = shared->leaves_at + MAXALIGN(nleaves * sizeof(SourceLeaf));
	shared->outcome_size =
		MAXALIGN(sizeof(Outcome)) + MAXALIGN((nleaves + nbases) * sizeof(Counts));
	shared->blocks_at = shared->outcomes_at + (nprocesses - 1) * shared->outcome_size;
	shared->spools_at =
		shared->blocks_at + MAXALIGN((nprocesses - 1) * JE_ID_MAX_MONTHS * sizeof(int64));
	shared->spool_size = MAXALIGN(sts_estimate(nprocesses));
	shared->wanted_at = shared->spools_at + SPOOLS * shared->spool_size;
	/* the last stretch of a leaf may be short */
	return shared->wanted_at + (nblocks / shared->stretch + nleaves) * sizeof(bool);
}

/* Expands stretches until all are taken. */
static void
read_stretches(Expand *expand, ExpandShared *shared)
{
	char *list = source_select_list(expand->source_table);
	MemoryContext context = AllocSetContextCreate(expand->context, "stretch", ALLOCSET_SMALL_SIZES);
	const char *condition = "s.txn_month = $1";
	QueryArgs args = {0};
	SourceCursor cursor = {0};
	int scope = source_blocks_open();

	expand->pass = linitial(expand->passes);
	query_arg(&args, DATEOID, DateADTGetDatum(expand->txn_month));
	if (expand->reprocess_of == 0)
	{
		query_arg(&args, INT8ARRAYOID, expand->pass->batches);
		condition = "s.txn_month = $1 AND s.batch_id = ANY ($2)";
	}
	expand_push_position(expand);
	while (source_blocks_next(&cursor, shared_leaves(shared), shared->nleaves, shared->stretch,
							  &shared->next))
	{
		MemoryContext old;

		if (!shared_wanted(shared)[cursor.number])
			continue;
		old = MemoryContextSwitchTo(context);
		source_blocks_read(&cursor, list, condition, args, expand_row, expand);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	expand_pop_position(expand);
	settings_scope_close(scope);
}

/* Compares what stretches of the source come to with posted lines, until both are taken. */
static void
compare_stretches(Expand *expand, ExpandShared *shared)
{
	expand->comparison = comparison_open(expand->source_table, expand->nbases, expand->bases,
										 shared_buckets(shared), shared->nbuckets);
	if (!IsParallelWorker())
		comparison_take_queries(expand->comparison, expand->posted);
	read_stretches(expand, shared);
	comparison_take_tables(expand->comparison, shared_tables(shared), shared->ntables,
						   &shared->next_posted);
}

/* Leaves a worker's counts to the leader. */
static void
leave_outcome(Expand *expand, ExpandShared *shared, Outcome *outcome)
{
	SourceLeaf *leaves = shared_leaves(shared);
	Counts *counts = outcome_counts(outcome);

	for (PartitionCounts *p = expand->tally.partitions; p != NULL; p = p->next)
		for (int i = 0; i < shared->nleaves; i++)
			if (leaves[i].table == p->partition)
				counts_add(&counts[i], &p->counts);
	for (int b = 0; b < expand->nbases; b++)
		counts_add(&counts[shared->nleaves + b], &expand->tally.basis_counts[b]);
	Assert(expand->nbases == shared->nbases && outcome->nmonths == 0);
	outcome->lines = expand->tally.lines;
	outcome->headers = expand->tally.headers;
	outcome->added = expand->tally.added;
	outcome->source_rows = expand->tally.source_rows;
	outcome->unbalanced = expand->tally.unbalanced;
	for (int i = 0; i < expand->ids.nmonths; i++)
		if (expand->ids.months[i].uses_range)
			outcome->months[outcome->nmonths++] = expand->ids.months[i].month;
	Assert(outcome->nmonths <= JE_ID_MAX_MONTHS);
}

/* Adds up what a worker left. */
static void
take_outcome(Expand *expand, ExpandShared *shared, Outcome *outcome)
{
	SourceLeaf *leaves = shared_leaves(shared);
	Counts *counts = outcome_counts(outcome);

	for (int i = 0; i < shared->nleaves; i++)
		if (counts[i].transactions > 0)
			counts_add(&run_tally_partition(&expand->tally, leaves[i].table)->counts, &counts[i]);
	for (int b = 0; b < expand->nbases; b++)
		counts_add(&expand->tally.basis_counts[b], &counts[shared->nleaves + b]);
	digest_add(&expand->tally.lines, outcome->lines);
	digest_add(&expand->tally.headers, outcome->headers);
	digest_add(&expand->tally.added, outcome->added);
	digest_add(&expand->tally.source_rows, outcome->source_rows);
	expand->tally.unbalanced += outcome->unbalanced;
	Assert(outcome->nmonths >= 0 && outcome->nmonths <= JE_ID_MAX_MONTHS);
	for (int i = 0; i < outcome->nmonths; i++)
		je_id_find_month(&expand->ids, outcome->months[i])->uses_range = true;
}

void
ledger_engine_expand_worker(dsm_segment *seg, shm_toc *toc)
{
	ExpandShared *shared = parallel_work_attach(toc);
	StagingHelper helper = {.stamp = shared->stamp};
	SharedTuplestoreAccessor *spools[SPOOLS];
	Expand *expand;

	SharedFileSetAttach(&shared->files, seg);
	for (int i = 0; i < SPOOLS; i++)
		spools[i] = sts_attach(shared_spool(shared, i), ParallelWorkerNumber + 1, &shared->files);
	memcpy(helper.spools, spools, sizeof(helper.spools));
	query_open();
	expand = expand_open(CurrentMemoryContext, shared->run_id, shared_policy(shared),
						 shared->header, shared->line, &helper);
	expand->aim = shared->aim;
	expand->taken = shared_taken(shared);
	if (shared->aim == AIM_COMPARE)
		compare_stretches(expand, shared);
	else
	{
		if (shared->aim == AIM_STAGE_FOUND)
			expand->found = shared_found(shared);
		if (shared->aim != AIM_REPLAY)
		{
			je_id_use_blocks(&expand->ids, shared_blocks(shared, ParallelWorkerNumber),
							 JE_ID_MAX_MONTHS);
			je_id_share(&expand->ids, &shared->je_id_taken);
		}
		read_stretches(expand, shared);
	}
	expand_close(expand);
	run_total_spool(&expand->tally.totals, spools[SPOOL_TOTALS]);
	for (int i = 0; i < SPOOLS; i++)
		sts_end_write(spools[i]);
	leave_outcome(expand, shared, shared_outcome(shared, ParallelWorkerNumber));
	query_close();
	parallel_work_leave();
}

/* Says what the processes are to do. */
static void
fill_shared(Expand *expand, ExpandShared *shared, const ExpandShared *layout, RowStamp stamp,
			List *leaves, const BlockNumber *blocks, dsm_segment *seg,
			SharedTuplestoreAccessor **spools)
{
	Pass *pass = linitial(expand->passes);
	int64 before = 0;

	*shared = *layout;
	if (shared->policy_at != 0)
		memcpy(DatumGetPointer(shared_policy(shared)), DatumGetPointer(expand->policy_items),
			   VARSIZE(DatumGetPointer(expand->policy_items)));
	if (shared->aim == AIM_COMPARE)
	{
		if (shared->ntables > 0)
			memcpy(shared_tables(shared), expand->posted->tables,
				   shared->ntables * sizeof(PostedTable));
		line_buckets_init(shared_buckets(shared), shared->nbuckets);
	}
	else if (shared->aim == AIM_STAGE_FOUND)
		memcpy(shared_found(shared), expand->found, VARSIZE(expand->found));
	shared->run_id = expand->run_id;
	shared->header = expand->header;
	shared->line = expand->line;
	shared->stamp = stamp;
	pg_atomic_init_u64(&shared->next, 0);
	pg_atomic_init_u64(&shared->next_posted, 0);
	pg_atomic_init_u64(&shared->je_id_taken, 0);
	source_blocks_fill(shared_leaves(shared), leaves, blocks, shared->stretch);
	for (int i = 0; i < shared->nleaves; i++)
	{
		SourceLeaf *leaf = &shared_leaves(shared)[i];

		if (expand->reprocess_of == 0)
			source_mark_stretches(leaf->table, pass->batches, shared->stretch, leaf->nstretches,
								  shared_wanted(shared) + before);
		else
			memset(shared_wanted(shared) + before, true, leaf->nstretches * sizeof(bool));
		before += leaf->nstretches;
	}
	SharedFileSetInit(&shared->files, seg);
	for (int i = 0; i < SPOOLS; i++)
		spools[i] = sts_initialize(shared_spool(shared, i), shared->nprocesses, 0, 0,
								   SHARED_TUPLESTORE_SINGLE_PASS, &shared->files,
								   psprintf("ledger_engine.%d", i));
}

/* Blocks of what is posted, as far as it is read by page. */
static BlockNumber
count_posted(const Expand *expand)
{
	BlockNumber sum = 0;

	if (expand->aim == AIM_COMPARE)
		for (int i = 0; i < expand->posted->ntables; i++)
			sum += expand->posted->tables[i].nblocks;
	return sum;
}

typedef struct TakenList
{
	MemoryContext context;
	Taken taken;
	int64 capacity;
} TakenList;

static void
take_txn_id(TupleTableSlot *slot, void *arg)
{
	TakenList *list = arg;
	Taken *taken = &list->taken;

	if (taken->count == list->capacity)
	{
		Size size;

		list->capacity = Max(1024, list->capacity * 2);
		size = mul_size(list->capacity, sizeof(int64));
		taken->txn_ids = taken->txn_ids == NULL
							 ? MemoryContextAllocExtended(list->context, size, MCXT_ALLOC_HUGE)
							 : repalloc_huge(taken->txn_ids, size);
	}
	taken->txn_ids[taken->count++] = DatumGetInt64(query_value(slot, 0, (Datum) 0));
}

static int
compare_txn_ids(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Which transactions of the month are taken up again, where some are; so that a process can tell them from the month's others. */
static void
load_taken(Expand *expand, Taken *taken)
{
	TakenList list = {.context = CurrentMemoryContext};
	Pass *pass = linitial(expand->passes);
	QueryArgs args = {0};

	if (expand->reprocess_of != 0)
	{
		query_arg(&args, DATEOID, DateADTGetDatum(expand->txn_month));
		query_arg(&args, INT8OID, Int64GetDatum(expand->source_run));
		query_arg(&args, TEXTARRAYOID, pass->bases);
		query_each_row("SELECT e.txn_id FROM acct._taken_again($2) e "
					   "WHERE e.txn_month = $1 AND e.basis = $3[1]",
					   &args, take_txn_id, &list);
		qsort(list.taken.txn_ids, list.taken.count, sizeof(int64), compare_txn_ids);
	}
	*taken = list.taken;
}

/* Does the work that is laid out in the memory shared, with workers beside this process. */
static void
lead(Expand *expand, ParallelWork *work, SharedTuplestoreAccessor **spools)
{
	ExpandShared *shared = work->shared;

	expand->taken = shared_taken(shared);
	parallel_work_launch(work);
	if (expand->aim == AIM_COMPARE)
		compare_stretches(expand, shared);
	else
		read_stretches(expand, shared);
	for (int i = 0; i < SPOOLS; i++)
		sts_end_write(spools[i]);
	parallel_work_wait(work);
	expand->taken = NULL;
}

bool
expand_in_parallel(Expand *expand)
{
	List *leaves;
	RowStamp stamp;
	int nworkers;
	ExpandShared layout = {0};
	Taken taken;
	Size size;
	BlockNumber *source_blocks;
	BlockNumber nblocks;
	int64 *blocks = NULL;
	bool stages = expand->aim == AIM_STAGE || expand->aim == AIM_STAGE_FOUND;
	ExpandShared *shared;
	ParallelWork work;
	SharedTuplestoreAccessor *spools[SPOOLS];

	if (list_length(expand->passes) != 1 || expand->take_line != NULL)
		return false;
	if (expand->staging == NULL)
		memset(&stamp, 0, sizeof(stamp));
	else if (expand->je_range == 0 || !staging_allows_helpers(expand->staging, &stamp))
		return false;
	leaves = source_leaves(expand->source_table, expand->txn_month);
	source_blocks = palloc_array(BlockNumber, list_length(leaves) + 1);
	nblocks = source_blocks_count(leaves, source_blocks);
	nworkers = leaves == NIL ? 0 : parallel_work_workers(nblocks + count_posted(expand));
	if (nworkers == 0)
		return false;
	load_taken(expand, &taken);
	if (expand->reprocess_of != 0 && taken.count < (int64) nblocks * MIN_TAKEN)
		return false;

	size = lay_out(&layout, nworkers + 1, list_length(leaves), expand->nbases, nblocks);
	size = lay_out_inputs(expand, &layout, &taken, size);
	if (stages)
	{
		/* Neither leader nor workers can ask the sequence while there are workers, nor once there is a segment. */
		blocks = palloc_array(int64, layout.nprocesses * JE_ID_MAX_MONTHS);
		je_id_take_blocks(blocks, layout.nprocesses * JE_ID_MAX_MONTHS);
	}
	if (!parallel_work_begin(&work, "ledger_engine_expand_worker", size, nworkers))
	{
		parallel_work_end(&work);
		/* What was taken for others is used here. */
		if (stages)
			je_id_use_blocks(&expand->ids, blocks, layout.nprocesses * JE_ID_MAX_MONTHS);
		return false;
	}
	shared = work.shared;
	fill_shared(expand, shared, &layout, stamp, leaves, source_blocks, work.context->seg, spools);
	if (taken.count > 0)
		memcpy((char *) shared + shared->taken_at, taken.txn_ids, taken.count * sizeof(int64));
	if (stages)
	{
		memcpy(shared_blocks(shared, 0), blocks, nworkers * JE_ID_MAX_MONTHS * sizeof(int64));
		je_id_use_blocks(&expand->ids, blocks + nworkers * JE_ID_MAX_MONTHS, JE_ID_MAX_MONTHS);
		je_id_share(&expand->ids, &shared->je_id_taken);
	}
	lead(expand, &work, spools);

	for (int i = 0; i < STAGING_TABLES && expand->staging != NULL; i++)
		staging_take(expand->staging, i, spools[i]);
	run_total_take(&expand->tally.totals, spools[SPOOL_TOTALS]);
	for (int i = 0; i < work.nworkers; i++)
		take_outcome(expand, shared, shared_outcome(shared, i));
	if (stages)
		je_id_unshare(&expand->ids);
	if (expand->aim == AIM_COMPARE)
	{
		expand->found = comparison_found(expand->comparison);
		comparison_close(expand->comparison);
	}
	parallel_work_end(&work);
	return true;
}
