/*
 * balance_leaf.c
 *		The data of a leaf of a tree of balances, as docs/proof-format.md has them.
 */
#include "common/ledger_engine.h"
#include "ledger/amount.h"
#include "seal/form.h"

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/date.h"

LEDGER_FUNCTION(ledger_balance_leaf);

/* A text in UTF-8, after its length in bytes. */
static void
append_text(StringInfo data, text *value)
{
	Code utf8 = form_code(code_from_datum(PointerGetDatum(value)));

	pq_sendint32(data, utf8.len);
	appendBinaryStringInfo(data, utf8.data, utf8.len);
}

/* A sum of amounts in ten-thousandths, 16 bytes. */
static void
append_amount(StringInfo data, Datum numeric)
{
	Amount amount = amount_from_sum(numeric);

	pq_sendint64(data, (uint64) (amount >> 64));
	pq_sendint64(data, (uint64) amount);
}

/* Arguments: month, fund, account_code, currency, opening balance, debit, credit, closing balance, number of lines. */
Datum
ledger_balance_leaf(PG_FUNCTION_ARGS)
{
	StringInfoData data;

	initStringInfo(&data);
	appendStringInfoSpaces(&data, VARHDRSZ);
	appendBinaryStringInfo(&data, "LEb1", 4);
	pq_sendint32(&data, (uint32) PG_GETARG_DATEADT(0));
	for (int i = 1; i <= 3; i++)
		append_text(&data, PG_GETARG_TEXT_PP(i));
	for (int i = 4; i <= 7; i++)
		append_amount(&data, PG_GETARG_DATUM(i));
	pq_sendint64(&data, (uint64) PG_GETARG_INT64(8));
	SET_VARSIZE(data.data, data.len);
	PG_RETURN_BYTEA_P((bytea *) data.data);
}
