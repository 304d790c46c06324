/*
 * line_layout.c
 *		Columns of journal headers and lines (see line_layout.h).
 */
#include "ledger/line_layout.h"

#include "catalog/pg_type.h"

StaticAssertDecl(LINE_FIRST_CODE + LINE_CODES == LINE_DEBIT, "the codes of a line lie together");
StaticAssertDecl(LINE_FIRST_CODE + CODE_ACCOUNT == LINE_ACCOUNT &&
					 LINE_FIRST_CODE + CODE_CHANNEL == LINE_CHANNEL,
				 "codes are in the order of their columns");
StaticAssertDecl(offsetof(LineStart, je_date) == offsetof(HeaderStart, je_date),
				 "lines and headers begin alike");

const char *const line_columns[LINE_COLUMNS + 1] = {
	"je_id",        "run_id",  "txn_id",       "je_date", "line_no",
	"entity_code",  "basis",   "account_code", "fund",    "currency",
	"product_code", "channel", "debit",        "credit",  NULL};

const Oid line_types[LINE_COLUMNS] = {INT8OID, INT8OID, INT8OID,    DATEOID,   INT2OID,
									  TEXTOID, TEXTOID, TEXTOID,    TEXTOID,   TEXTOID,
									  TEXTOID, TEXTOID, NUMERICOID, NUMERICOID};

const char *const header_columns[HEADER_COLUMNS + 1] = {"je_id",         "run_id",
														"txn_id",        "je_date",
														"txn_month",     "template_version",
														"line_count",    "entity_code",
														"basis",         "template_code",
														"txn_type",      "product_code",
														"channel",       "currency",
														"policy_no",     "total_debit",
														"total_credit",  "reversal_of",
														"memo",          "journal_type",
														"original_date", NULL};

const Oid header_types[HEADER_COLUMNS] = {
	INT8OID, INT8OID,    INT8OID,    DATEOID, DATEOID, INT4OID, INT4OID,
	TEXTOID, TEXTOID,    TEXTOID,    TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TEXTOID, NUMERICOID, NUMERICOID, INT8OID, TEXTOID, TEXTOID, DATEOID};

bool
line_layout_is_own(TupleDesc tupdesc, const AttrNumber *columns, int count)
{
	if (tupdesc->natts != count)
		return false;
	for (int i = 0; i < count; i++)
		if (columns[i] != i + 1)
			return false;
	return true;
}
