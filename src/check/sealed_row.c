/*
 * sealed_row.c
 *		acct._sealed_row(): the bytes of one row, as a seal with some list of
 *		columns has them.
 */
#include "common/settings_scope.h"
#include "seal/form.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

LEDGER_FUNCTION(ledger_sealed_row);

/* Kept from one row to the next, which are mostly of one type. */
typedef struct RowEncoder
{
	Oid type;
	int32 typmod;
	text *columns;
	RowKind kind;
	MemoryContext context;
	TupleDesc tupdesc;
	RowForm *form;
	BoundForm *bound;
	Datum *values;
	bool *isnull;
} RowEncoder;

static bool
is_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static void
set_up(RowEncoder *encoder, HeapTupleHeader row, text *columns, RowKind kind)
{
	MemoryContext old;

	MemoryContextReset(encoder->context);
	old = MemoryContextSwitchTo(encoder->context);
	encoder->type = HeapTupleHeaderGetTypeId(row);
	encoder->typmod = HeapTupleHeaderGetTypMod(row);
	encoder->columns = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(columns));
	encoder->kind = kind;
	encoder->tupdesc = lookup_rowtype_tupdesc_copy(encoder->type, encoder->typmod);
	encoder->form = form_read(text_to_cstring(columns), kind);
	encoder->bound = form_bind(encoder->form, encoder->tupdesc, "row");
	encoder->values = palloc_array(Datum, encoder->tupdesc->natts);
	encoder->isnull = palloc_array(bool, encoder->tupdesc->natts);
	MemoryContextSwitchTo(old);
}

static RowEncoder *
encoder_for(FunctionCallInfo fcinfo, HeapTupleHeader row, text *columns, RowKind kind)
{
	RowEncoder *encoder = fcinfo->flinfo->fn_extra;

	if (encoder == NULL)
	{
		encoder = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RowEncoder));
		encoder->context =
			AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "sealed row", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = encoder;
	}
	if (encoder->form == NULL || encoder->type != HeapTupleHeaderGetTypeId(row) ||
		encoder->typmod != HeapTupleHeaderGetTypMod(row) || encoder->kind != kind ||
		!is_text(encoder->columns, columns))
	{
		encoder->form = NULL;
		set_up(encoder, row, columns, kind);
	}
	return encoder;
}

/* Arguments: the row, the columns, and the kind of rows, as sections number them. */
Datum
ledger_sealed_row(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	RowKind kind = PG_GETARG_INT32(2) == 1 ? ROW_HEADER : ROW_LINE;
	RowEncoder *encoder = encoder_for(fcinfo, row, PG_GETARG_TEXT_PP(1), kind);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	StringInfoData bytes;
	RowKey key;
	int scope = -1;

	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, encoder->tupdesc, encoder->values, encoder->isnull);
	if (form_prints(encoder->form))
		scope = settings_scope_open_pinned();
	initStringInfo(&bytes);
	appendStringInfoSpaces(&bytes, VARHDRSZ);
	form_encode(encoder->bound, encoder->values, encoder->isnull, &bytes, &key);
	if (scope >= 0)
		settings_scope_close(scope);
	SET_VARSIZE(bytes.data, bytes.len);
	PG_RETURN_BYTEA_P((bytea *) bytes.data);
}
