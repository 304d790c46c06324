/*
 * run_bases.c
 *		The bases of a run (see run_bases.h).
 */
#include "expand/run_bases.h"

#include "common/query.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

typedef struct Loader
{
	MemoryContext context;
	RunBases *bases;
} Loader;

static void
take_basis(TupleTableSlot *slot, void *arg)
{
	Loader *loader = arg;
	RunBases *bases = loader->bases;
	MemoryContext old = MemoryContextSwitchTo(loader->context);

	if (bases->count == 0)
		bases->codes = palloc_array(Code, DatumGetInt64(query_value(slot, 1, Int64GetDatum(1))));
	bases->codes[bases->count++] = query_code(slot, 0);
	MemoryContextSwitchTo(old);
}

void
run_bases_load(RunBases *bases, int64 run_id)
{
	Loader loader = {CurrentMemoryContext, bases};
	QueryArgs args = {0};

	memset(bases, 0, sizeof(RunBases));
	bases->run_id = run_id;
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_each_row("SELECT b, count(*) OVER () FROM acct.journal_run r, unnest(r.bases) AS b "
				   "WHERE r.run_id = $1 ORDER BY 1",
				   &args, take_basis, &loader);
}

int
run_bases_find(const RunBases *bases, Code basis)
{
	for (int b = 0; b < bases->count; b++)
		if (code_equal(bases->codes[b], basis))
			return b;
	ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
					errmsg("a posted journal is of a basis that run " INT64_FORMAT " does not have",
						   bases->run_id)));
	return -1;
}
