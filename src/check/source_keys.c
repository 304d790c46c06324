/*
 * source_keys.c
 *		acct._key_ends(): the first and the last identifier in a table of source
 *		rows, by the index of its key. A run asks it of each month within reach, so
 *		it is not a query, which would be planned each time.
 */
#include "common/columns.h"
#include "table/key_scan.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_key_ends);

/* (first, last, is_known); not known where the table has no such index. */
Datum
ledger_key_ends(PG_FUNCTION_ARGS)
{
	Relation rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	TupleDesc tupdesc;
	Datum values[3] = {0};
	bool nulls[3] = {true, true, false};
	int64 first;
	int64 last;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (rel->rd_rel->relkind == RELKIND_RELATION)
	{
		AttrNumber column =
			column_find(RelationGetDescr(rel), RelationGetRelationName(rel), "txn_id", INT8OID);

		switch (key_scan_ends(rel, column, GetActiveSnapshot(), &first, &last))
		{
			case KEY_ENDS_FOUND:
				values[0] = Int64GetDatum(first);
				values[1] = Int64GetDatum(last);
				nulls[0] = nulls[1] = false;
				values[2] = BoolGetDatum(true);
				break;
			case KEY_ENDS_EMPTY:
				values[2] = BoolGetDatum(true);
				break;
			case KEY_ENDS_NO_INDEX:
				break;
		}
	}
	table_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
