/*
 * journal_sums.c
 *		acct._journals_digest(): what journal headers say that their lines come to, as
 *		one number (see journal_key.h).
 *
 * Memory: 16 bytes for each stretch of consecutive je_id, which in a month that one
 * run booked are few, at most maintenance_work_mem.
 */
#include "common/query.h"
#include "common/stretches.h"
#include "ledger/journal_key.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_journals_digest);

/* Columns of the query of headers, which may have more. */
enum
{
	HEAD_JE_ID,
	HEAD_JE_DATE,
	HEAD_RUN_ID,
	HEAD_TXN_ID,
	HEAD_ENTITY,
	HEAD_BASIS,
	HEAD_CURRENCY,
	HEAD_LINES,
	HEAD_DEBIT,
	HEAD_CREDIT,
	HEAD_COLUMNS
};

static const Oid head_types[HEAD_COLUMNS] = {INT8OID, DATEOID, INT8OID, INT8OID,    TEXTOID,
											 TEXTOID, TEXTOID, INT4OID, NUMERICOID, NUMERICOID};

typedef struct Headers
{
	JournalSum sum;
	Stretches ids;
	bool is_sound; /* all can be compared */
	MemoryContext row_context;
} Headers;

static void
add_header(TupleTableSlot *slot, void *arg)
{
	Headers *headers = arg;
	const Datum *v = slot->tts_values;
	MemoryContext old;
	JournalKey key;
	Amount debit;
	Amount credit;

	slot_getallattrs(slot);
	if (slot->tts_tupleDescriptor->natts < HEAD_COLUMNS)
		elog(ERROR, "the query does not return journals");
	for (int i = 0; i < HEAD_COLUMNS; i++)
		if (TupleDescAttr(slot->tts_tupleDescriptor, i)->atttypid != head_types[i] ||
			(slot->tts_isnull[i] && i != HEAD_TXN_ID))
			elog(ERROR, "the query does not return journals");
	old = MemoryContextSwitchTo(headers->row_context);
	if (!amount_from_any(v[HEAD_DEBIT], &debit) || !amount_from_any(v[HEAD_CREDIT], &credit))
		headers->is_sound = false;
	else
	{
		key.je_id = DatumGetInt64(v[HEAD_JE_ID]);
		key.run_id = DatumGetInt64(v[HEAD_RUN_ID]);
		key.has_txn = !slot->tts_isnull[HEAD_TXN_ID];
		key.txn_id = key.has_txn ? DatumGetInt64(v[HEAD_TXN_ID]) : 0;
		key.je_date = DatumGetDateADT(v[HEAD_JE_DATE]);
		key.books = journal_books(code_from_datum(v[HEAD_ENTITY]), code_from_datum(v[HEAD_BASIS]),
								  code_from_datum(v[HEAD_CURRENCY]));
		headers->sum += journal_sum(&key, DatumGetInt32(v[HEAD_LINES]), debit, credit);
		stretches_add(&headers->ids, key.je_id);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(headers->row_context);
}

/* Argument: the query of headers. Null where one cannot be compared, or two have the same je_id. */
Datum
ledger_journals_digest(PG_FUNCTION_ARGS)
{
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Headers headers = {.is_sound = true};
	MemoryContext context;
	char digest[DIGEST_TEXT_SIZE];
	bool is_sound;

	context = AllocSetContextCreate(CurrentMemoryContext, "journals", ALLOCSET_DEFAULT_SIZES);
	headers.ids.context = context;
	headers.row_context = AllocSetContextCreate(context, "journal", ALLOCSET_DEFAULT_SIZES);
	query_open();
	query_each_row(query, NULL, add_header, &headers);
	query_close();
	is_sound = headers.is_sound && stretches_join(&headers.ids);
	MemoryContextDelete(context);
	if (!is_sound)
		PG_RETURN_NULL();
	digest_to_text(journal_digest(headers.sum), digest);
	PG_RETURN_TEXT_P(cstring_to_text(digest));
}
