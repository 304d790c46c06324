/*
 * compare.c
 *		acct._compare_sums() and acct._compare_transactions(): what another policy changes of a
 *		month's transactions, in one pass over them.
 *
 * The source is handed out by stretches of blocks. Each process reads both policies by the
 * leader's snapshot and adds up its own part (effect.h); workers spool their rows, and the
 * leader hands on all of them. Nothing is written but temporary files, so that this works on
 * a standby too.
 */
#include "common/ledger_engine.h"

#include "common/parallel_work.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/source_blocks.h"
#include "preview/effect.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/sharedfileset.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/sharedtuplestore.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_compare_sums);
LEDGER_FUNCTION(ledger_compare_transactions);

/* p_month, ... */
enum
{
	ARG_MONTH,
	ARG_ENTITY, /* or NULL */
	ARG_BASIS,  /* or NULL */
	ARG_BEFORE, /* text[] */
	ARG_AFTER,  /* text[] */
	ARG_MOST
};

/* What the processes are given beside the month: the entity, the basis, and the two policies. */
#define INPUTS 4

/* What all processes see. Behind it: leaves, the spool, inputs. */
typedef struct CompareShared
{
	DateADT month;
	int most;
	int nprocesses; /* at most, the leader among them */
	int nleaves;
	BlockNumber stretch;
	Size leaves_at;
	Size spool_at;
	Size inputs_at[INPUTS]; /* 0: NULL */
	SharedFileSet files;
	pg_atomic_uint64 next; /* stretch */
} CompareShared;

PGDLLEXPORT void ledger_engine_compare_worker(dsm_segment *seg, shm_toc *toc);

static void *
shared_part(CompareShared *shared, Size at)
{
	return (char *) shared + at;
}

static Datum *
input_of(TwoPoliciesInput *input, int i)
{
	switch (i)
	{
		case 0:
			return &input->entity;
		case 1:
			return &input->basis;
		case 2:
			return &input->policies[SIDE_BEFORE];
		default:
			return &input->policies[SIDE_AFTER];
	}
}

static void
read_stretches(Effect *effect, CompareShared *shared)
{
	const char *list = two_policies_list(effect_policies(effect));
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "stretch", ALLOCSET_SMALL_SIZES);
	QueryArgs args = {0};
	SourceCursor cursor = {0};
	int scope = source_blocks_open();

	query_arg(&args, DATEOID, DateADTGetDatum(shared->month));
	while (source_blocks_next(&cursor, shared_part(shared, shared->leaves_at), shared->nleaves,
							  shared->stretch, &shared->next))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		source_blocks_read(&cursor, list, "s.txn_month = $1", args, effect_row, effect);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	settings_scope_close(scope);
}

/* Where a worker's rows go. */
typedef struct Spool
{
	MemoryContext context; /* of what the spool allocates with its first row */
	TupleDesc tupdesc;
	SharedTuplestoreAccessor *rows;
} Spool;

static void
spool_row(Datum *values, bool *isnull, void *arg)
{
	Spool *spool = arg;
	MinimalTuple tuple = form_minimal_tuple(spool->tupdesc, values, isnull);

	MemoryContext old = MemoryContextSwitchTo(spool->context);

	sts_puttuple(spool->rows, NULL, tuple);
	MemoryContextSwitchTo(old);
	pfree(tuple);
}

void
ledger_engine_compare_worker(dsm_segment *seg, shm_toc *toc)
{
	CompareShared *shared = parallel_work_attach(toc);
	TwoPoliciesInput input = {.month = shared->month, .has_before = true};
	Spool spool = {.context = CurrentMemoryContext, .tupdesc = effect_descriptor(shared->most)};
	Effect *effect;

	for (int i = 0; i < INPUTS; i++)
		if (shared->inputs_at[i] != 0)
			*input_of(&input, i) = PointerGetDatum(shared_part(shared, shared->inputs_at[i]));
	SharedFileSetAttach(&shared->files, seg);
	spool.rows =
		sts_attach(shared_part(shared, shared->spool_at), ParallelWorkerNumber + 1, &shared->files);
	query_open();
	effect = effect_open(&input, shared->most, spool_row, &spool);
	read_stretches(effect, shared);
	effect_close(effect);
	sts_end_write(spool.rows);
	query_close();
	parallel_work_leave();
}

static void
return_row(Datum *values, bool *isnull, void *arg)
{
	ReturnSetInfo *rsinfo = arg;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
}

/* The rows that workers left. */
static void
return_spool(SharedTuplestoreAccessor *rows, TupleDesc tupdesc, ReturnSetInfo *rsinfo)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsMinimalTuple);
	MinimalTuple tuple;

	sts_begin_parallel_scan(rows);
	while ((tuple = sts_parallel_scan_next(rows, NULL)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(tuple, slot, false);
		slot_getallattrs(slot);
		return_row(slot->tts_values, slot->tts_isnull, rsinfo);
	}
	sts_end_parallel_scan(rows);
	ExecDropSingleTupleTableSlot(slot);
}

static void
read_month(Effect *effect, DateADT month)
{
	static const ScopedSetting no_jit[] = {{"jit", "off"}};
	QueryArgs args = {0};
	int scope = settings_scope_open(no_jit, lengthof(no_jit));

	query_arg(&args, DATEOID, DateADTGetDatum(month));
	query_each_row(psprintf("SELECT %s FROM acct.txn_source_parent s WHERE s.txn_month = $1",
							two_policies_list(effect_policies(effect))),
				   &args, effect_row, effect);
	settings_scope_close(scope);
}

/* Sets where the parts are; the size of all. */
static Size
lay_out(CompareShared *shared, TwoPoliciesInput *input)
{
	Size at = MAXALIGN(sizeof(CompareShared));

	shared->leaves_at = at;
	at += MAXALIGN(shared->nleaves * sizeof(SourceLeaf));
	shared->spool_at = at;
	at += MAXALIGN(sts_estimate(shared->nprocesses));
	for (int i = 0; i < INPUTS; i++)
	{
		Datum datum = *input_of(input, i);

		if (datum == (Datum) 0)
			continue;
		shared->inputs_at[i] = at;
		at += MAXALIGN(VARSIZE_ANY(DatumGetPointer(datum)));
	}
	return at;
}

/* With workers; false where they do not help, or there are none. */
static bool
compare_in_parallel(Effect *effect, TwoPoliciesInput *input, int most, ReturnSetInfo *rsinfo)
{
	List *leaves = source_leaves(two_policies_source(effect_policies(effect)), input->month);
	BlockNumber *blocks = palloc_array(BlockNumber, list_length(leaves) + 1);
	BlockNumber nblocks = source_blocks_count(leaves, blocks);
	int nworkers = leaves == NIL ? 0 : parallel_work_workers(nblocks);
	CompareShared layout = {.month = input->month, .most = most, .nprocesses = nworkers + 1};
	CompareShared *shared;
	SharedTuplestoreAccessor *rows;
	ParallelWork work;

	if (nworkers == 0)
		return false;
	layout.nleaves = list_length(leaves);
	layout.stretch = source_blocks_stretch(nblocks, layout.nprocesses);
	if (!parallel_work_begin(&work, "ledger_engine_compare_worker", lay_out(&layout, input),
							 nworkers))
	{
		parallel_work_end(&work);
		return false;
	}
	shared = work.shared;
	*shared = layout;
	pg_atomic_init_u64(&shared->next, 0);
	source_blocks_fill(shared_part(shared, shared->leaves_at), leaves, blocks, shared->stretch);
	for (int i = 0; i < INPUTS; i++)
		if (shared->inputs_at[i] != 0)
			memcpy(shared_part(shared, shared->inputs_at[i]), DatumGetPointer(*input_of(input, i)),
				   VARSIZE_ANY(DatumGetPointer(*input_of(input, i))));
	SharedFileSetInit(&shared->files, work.context->seg);
	rows = sts_initialize(shared_part(shared, shared->spool_at), shared->nprocesses, 0, 0,
						  SHARED_TUPLESTORE_SINGLE_PASS, &shared->files, "ledger_engine.compare");
	parallel_work_launch(&work);
	read_stretches(effect, shared);
	sts_end_write(rows);
	parallel_work_wait(&work);
	return_spool(rows, effect_descriptor(most), rsinfo);
	parallel_work_end(&work);
	return true;
}

static void
compare(FunctionCallInfo fcinfo, int most)
{
	PreviewCall call;
	TwoPoliciesInput input = {.has_before = true};
	Effect *effect;

	if (PG_ARGISNULL(ARG_MONTH) || PG_ARGISNULL(ARG_BEFORE) || PG_ARGISNULL(ARG_AFTER))
		elog(ERROR, "a comparison needs a month and two policies");
	preview_begin(fcinfo, &call);
	input.month = PG_GETARG_DATEADT(ARG_MONTH);
	if (!PG_ARGISNULL(ARG_ENTITY))
		input.entity = PointerGetDatum(PG_GETARG_TEXT_PP(ARG_ENTITY));
	if (!PG_ARGISNULL(ARG_BASIS))
		input.basis = PointerGetDatum(PG_GETARG_TEXT_PP(ARG_BASIS));
	input.policies[SIDE_BEFORE] = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(ARG_BEFORE));
	input.policies[SIDE_AFTER] = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(ARG_AFTER));
	effect = effect_open(&input, most, return_row, call.rsinfo);
	if (!compare_in_parallel(effect, &input, most, call.rsinfo))
		read_month(effect, input.month);
	effect_close(effect);
	preview_end(&call);
}

Datum
ledger_compare_sums(PG_FUNCTION_ARGS)
{
	compare(fcinfo, 0);
	PG_RETURN_VOID();
}

Datum
ledger_compare_transactions(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(ARG_MOST) || PG_GETARG_INT32(ARG_MOST) < 1)
		elog(ERROR, "a comparison of transactions needs their number");
	compare(fcinfo, PG_GETARG_INT32(ARG_MOST));
	PG_RETURN_VOID();
}
