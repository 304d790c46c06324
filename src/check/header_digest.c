/*
 * header_digest.c
 *		Count, sums and digest of journal headers as they are now:
 *		acct._digest_staged_headers() reads staging, by page where it is the run's
 *		own and else by index, acct._digest_headers() what a query returns.
 */
#include "common/columns.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "ledger/row_digest.h"
#include "ledger/shared_staging.h"
#include "table/row_scan.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_digest_headers);
LEDGER_FUNCTION(ledger_digest_staged_headers);

/* journals, lines, debit, credit, digest, columns, types */
#define RESULT_COLUMNS 7

/* The headers of a table or a query, and what they add up to. */
typedef struct HeaderReader
{
	Datum names;    /* columns that are digested, text[]; 0: all */
	Datum of_query; /* names of a query's columns, text[]: rows of UNION ALL need not have them */
	RowDigest *digest;
	bool prints;
	AttrNumber line_count;
	AttrNumber total_debit;
	AttrNumber total_credit;
	MemoryContext context;     /* of the reader */
	MemoryContext row_context; /* of values that have to be fetched or decompressed */

	int64 journals;
	int64 lines;
	Amount debit;
	Amount credit;
	bool has_other; /* a sum is not one of amounts */
	Digest sum;
} HeaderReader;

static void
reader_open(HeaderReader *reader, TupleDesc tupdesc)
{
	static const char place[] = "of headers";
	MemoryContext old = MemoryContextSwitchTo(reader->context);

	reader->digest = reader->names != (Datum) 0 ? row_digest_open_kept(tupdesc, reader->names)
												: row_digest_open(tupdesc, (Datum) 0);
	reader->prints = row_digest_prints(reader->digest);
	reader->line_count = column_find(tupdesc, place, "line_count", INT4OID);
	reader->total_debit = column_find(tupdesc, place, "total_debit", NUMERICOID);
	reader->total_credit = column_find(tupdesc, place, "total_credit", NUMERICOID);
	reader->row_context =
		AllocSetContextCreate(reader->context, "digested header", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
}

/* A total, which is null or no amount where somebody has changed it. */
static Amount
read_total(HeaderReader *reader, AttrNumber column, const Datum *values, const bool *isnull)
{
	Amount amount = 0;

	if (isnull[column - 1] || !amount_from_any(values[column - 1], &amount))
		reader->has_other = true;
	return amount;
}

static void
reader_add(HeaderReader *reader, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(reader->row_context);
	/* The query's own text, whose dates are written as the caller has it, is not read by these settings. */
	int scope = reader->prints ? settings_scope_open_pinned() : 0;
	Digest digest = {0};

	row_digest_add_columns(reader->digest, values, isnull, &digest);
	row_digest_end(digest, &reader->sum);
	if (reader->prints)
		settings_scope_close(scope);
	reader->journals++;
	if (!isnull[reader->line_count - 1])
		reader->lines += DatumGetInt32(values[reader->line_count - 1]);
	reader->debit += read_total(reader, reader->total_debit, values, isnull);
	reader->credit += read_total(reader, reader->total_credit, values, isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
}

static Datum
return_sums(FunctionCallInfo fcinfo, const HeaderReader *reader)
{
	TupleDesc tupdesc;
	char digest[DIGEST_TEXT_SIZE];
	Datum values[RESULT_COLUMNS];
	bool nulls[RESULT_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	digest_to_text(reader->sum, digest);
	values[0] = Int64GetDatum(reader->journals);
	values[1] = Int64GetDatum(reader->lines);
	values[2] = amount_to_new_numeric(reader->debit);
	values[3] = amount_to_new_numeric(reader->credit);
	nulls[2] = nulls[3] = reader->has_other;
	values[4] = CStringGetTextDatum(digest);
	/* A query without rows has shown no columns. */
	nulls[5] = nulls[6] = reader->digest == NULL;
	if (reader->digest != NULL)
	{
		values[5] = row_digest_names(reader->digest);
		values[6] = row_digest_types(reader->digest);
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

static void
add_tuple(HeaderReader *reader, TupleDesc tupdesc, HeapTuple tuple, Datum *values, bool *isnull)
{
	CHECK_FOR_INTERRUPTS();
	heap_deform_tuple(tuple, tupdesc, values, isnull);
	reader_add(reader, values, isnull);
}

/* p_table, p_run_id, p_columns; NULL: all columns */
Datum
ledger_digest_staged_headers(PG_FUNCTION_ARGS)
{
	HeaderReader reader = {.context = CurrentMemoryContext};
	Relation rel;
	TupleDesc tupdesc;
	Datum *values;
	bool *isnull;
	HeapTupleData tuple;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		elog(ERROR, "staged headers are those of a run in a table");
	if (!PG_ARGISNULL(2))
		reader.names = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(2));
	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	tupdesc = RelationGetDescr(rel);
	reader_open(&reader, tupdesc);
	values = palloc_array(Datum, tupdesc->natts);
	isnull = palloc_array(bool, tupdesc->natts);
	if (staging_is_shared(rel))
	{
		KeyScan rows;

		shared_staging_open(&rows, rel, PG_GETARG_INT64(1), GetActiveSnapshot());
		while (key_scan_next(&rows, &tuple))
			add_tuple(&reader, tupdesc, &tuple, values, isnull);
		key_scan_close(&rows);
	}
	else
	{
		RowScan rows;

		row_scan_open(&rows, rel, GetActiveSnapshot());
		while (row_scan_next(&rows, &tuple))
			add_tuple(&reader, tupdesc, &tuple, values, isnull);
		row_scan_close(&rows);
	}
	table_close(rel, NoLock);
	PG_RETURN_DATUM(return_sums(fcinfo, &reader));
}

static void
add_query_row(TupleTableSlot *slot, void *arg)
{
	HeaderReader *reader = arg;

	if (reader->digest == NULL)
		reader_open(reader, columns_named(slot->tts_tupleDescriptor, reader->of_query));
	slot_getallattrs(slot);
	reader_add(reader, slot->tts_values, slot->tts_isnull);
}

/* p_query, p_names, p_columns */
Datum
ledger_digest_headers(PG_FUNCTION_ARGS)
{
	HeaderReader reader = {.of_query = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(1)),
						   .names = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(2)),
						   .context = CurrentMemoryContext};

	query_open();
	query_call(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL, add_query_row, &reader);
	query_close();
	PG_RETURN_DATUM(return_sums(fcinfo, &reader));
}
