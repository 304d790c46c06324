/*
 * compare.c
 *		acct._compare_sums() and acct._compare_transactions(): what another policy changes of a
 *		month's transactions, in one pass over them.
 *
 * The source is handed out by stretches of blocks. Each process reads both policies by the
 * leader's snapshot and adds up its own part (effect.h). Nothing is written but the rows of
 * workers, to temporary files, so that this works on a standby too.
 */
#include "common/ledger_engine.h"

#include "common/parallel_rows.h"
#include "common/parallel_work.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/source_blocks.h"
#include "preview/effect.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
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

/* What all processes see. Behind it: leaves, rows of results, inputs. */
typedef struct CompareShared
{
	DateADT month;
	int most;
	int nprocesses; /* at most, the leader among them */
	int nleaves;
	BlockNumber stretch;
	Size leaves_at;
	Size rows_at;
	Size inputs_at[INPUTS]; /* 0: NULL */
	pg_atomic_uint64 next;  /* stretch */
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

/* An EffectRow. */
static void
put_row(Datum *values, bool *isnull, void *arg)
{
	parallel_rows_put(arg, values, isnull);
}

void
ledger_engine_compare_worker(dsm_segment *seg, shm_toc *toc)
{
	CompareShared *shared = parallel_work_attach(toc);
	TwoPoliciesInput input = {.month = shared->month, .has_before = true};
	ParallelRows rows;
	int ncolumns;
	const Oid *types = effect_columns(shared->most, &ncolumns);
	Effect *effect;

	for (int i = 0; i < INPUTS; i++)
		if (shared->inputs_at[i] != 0)
			*input_of(&input, i) = PointerGetDatum(shared_part(shared, shared->inputs_at[i]));
	parallel_rows_attach(&rows, shared_part(shared, shared->rows_at), seg, types, ncolumns);
	query_open();
	effect = effect_open(&input, shared->most, put_row, &rows);
	read_stretches(effect, shared);
	effect_close(effect);
	parallel_rows_end(&rows);
	query_close();
	parallel_work_leave();
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
	shared->rows_at = at;
	at += parallel_rows_size(shared->nprocesses - 1);
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
compare_in_parallel(Effect *effect, TwoPoliciesInput *input, int most, ParallelRows *rows,
					ReturnSetInfo *rsinfo)
{
	List *leaves = source_leaves(two_policies_source(effect_policies(effect)), input->month);
	BlockNumber *blocks = palloc_array(BlockNumber, list_length(leaves) + 1);
	BlockNumber nblocks = source_blocks_count(leaves, blocks);
	int nworkers = leaves == NIL ? 0 : parallel_work_workers(nblocks);
	CompareShared layout = {.month = input->month, .most = most, .nprocesses = nworkers + 1};
	CompareShared *shared;
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
	parallel_rows_open(rows, shared_part(shared, shared->rows_at), &work, nworkers, rsinfo);
	parallel_work_launch(&work);
	read_stretches(effect, shared);
	parallel_work_wait(&work);
	parallel_rows_end(rows);
	parallel_work_end(&work);
	return true;
}

static void
compare(FunctionCallInfo fcinfo, int most)
{
	PreviewCall call;
	TwoPoliciesInput input = {.has_before = true};
	ParallelRows rows;
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
	parallel_rows_open(&rows, NULL, NULL, 0, call.rsinfo);
	effect = effect_open(&input, most, put_row, &rows);
	if (!compare_in_parallel(effect, &input, most, &rows, call.rsinfo))
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
