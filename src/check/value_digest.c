/*
 * value_digest.c
 *		Digests of all columns that a query returns, row by row:
 *		acct._digest_values() as they are in a table and in a file of it alike,
 *		acct._digest_added() as lines have columns that a site added.
 */
#include "common/columns.h"
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "ledger/row_digest.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_digest_values);
LEDGER_FUNCTION(ledger_digest_added);

/* The rows of a query, of which all columns are digested. */
typedef struct ValueReader
{
	bool portable;
	Datum names; /* of the columns, text[] */
	RowDigest *digest;
	bool pins_rows; /* settings are pinned for each row alone, not around the query */
	MemoryContext context;
	MemoryContext row_context;
	Digest sum;
} ValueReader;

static void
open_digest(ValueReader *reader, TupleDesc tupdesc)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);

	tupdesc = columns_named(tupdesc, reader->names);
	reader->digest = reader->portable ? row_digest_open_portable(tupdesc, (Datum) 0)
									  : row_digest_open(tupdesc, (Datum) 0);
	reader->pins_rows = !reader->portable && row_digest_prints(reader->digest);
	MemoryContextSwitchTo(old);
}

static void
add_row(TupleTableSlot *slot, void *arg)
{
	ValueReader *reader = arg;
	MemoryContext old;
	int scope;

	if (reader->digest == NULL)
		open_digest(reader, slot->tts_tupleDescriptor);
	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(reader->row_context);
	scope = reader->pins_rows ? settings_scope_open_pinned() : 0;
	row_digest_add(reader->digest, slot->tts_values, slot->tts_isnull, &reader->sum);
	if (reader->pins_rows)
		settings_scope_close(scope);
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	progress_add(1);
}

/* p_query, p_names */
static Datum
digest_query(FunctionCallInfo fcinfo, bool portable)
{
	ValueReader reader = {.portable = portable,
						  .names = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(1)),
						  .context = CurrentMemoryContext};
	char digest[DIGEST_TEXT_SIZE];

	reader.row_context =
		AllocSetContextCreate(CurrentMemoryContext, "digested values", ALLOCSET_DEFAULT_SIZES);
	query_open();
	query_call(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL, add_row, &reader);
	query_close();
	digest_to_text(reader.sum, digest);
	PG_RETURN_TEXT_P(cstring_to_text(digest));
}

/* The query names a table and its columns alone, so no setting changes what it means. */
Datum
ledger_digest_values(PG_FUNCTION_ARGS)
{
	int scope = settings_scope_open_pinned();
	Datum digest = digest_query(fcinfo, true);

	settings_scope_close(scope);
	return digest;
}

/* The query's own text, whose dates are written as the caller has it, is not read by the settings that are pinned. */
Datum
ledger_digest_added(PG_FUNCTION_ARGS)
{
	return digest_query(fcinfo, false);
}
