/*
 * trail.c
 *		What triggers ask for each row that people change, from the server's caches:
 *		acct._session_role(), who changes it, by what stays when the role is renamed;
 *		acct._key_columns(), the columns of a table's key; acct._owns_tables(),
 *		whether the current user owns tables of the engine.
 */
#include "common/ledger_engine.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

LEDGER_FUNCTION(ledger_session_role);
LEDGER_FUNCTION(ledger_key_columns);
LEDGER_FUNCTION(ledger_owns_tables);

Datum
ledger_session_role(PG_FUNCTION_ARGS)
{
	/* pg_control_system() has the identifier as a bigint. */
	PG_RETURN_TEXT_P(cstring_to_text(
		psprintf("%u/" INT64_FORMAT, GetSessionUserId(), (int64) GetSystemIdentifier())));
}

/* Argument: the table. Its columns in their order; empty where it has no primary key. */
Datum
ledger_key_columns(PG_FUNCTION_ARGS)
{
	Relation rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	Bitmapset *key = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	Datum *names = palloc_array(Datum, RelationGetNumberOfAttributes(rel) + 1);
	int count = 0;
	int column = -1;

	while ((column = bms_next_member(key, column)) >= 0)
	{
		AttrNumber attnum = column + FirstLowInvalidHeapAttributeNumber;

		names[count++] =
			CStringGetTextDatum(NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname));
	}
	table_close(rel, NoLock);
	PG_RETURN_ARRAYTYPE_P(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Argument: the names of tables of the extension's schema. */
Datum
ledger_owns_tables(PG_FUNCTION_ARGS)
{
	Datum *names;
	int count;
	bool owns = true;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL,
					  &count);
	for (int i = 0; i < count && owns; i++)
	{
		HeapTuple tuple = SearchSysCache1(
			RELOID, ObjectIdGetDatum(ledger_engine_table(TextDatumGetCString(names[i]))));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for a table of the engine");
		owns = ((Form_pg_class) GETSTRUCT(tuple))->relowner == GetUserId();
		ReleaseSysCache(tuple);
	}
	PG_RETURN_BOOL(owns);
}
