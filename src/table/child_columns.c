/*
 * child_columns.c
 *		acct._follow_parent(): a child by inheritance has its columns from its
 *		parent alone, as partitions have, so that one that is dropped from the
 *		parent is dropped from the child too.
 *
 * ALTER TABLE ... INHERIT leaves the columns of a table that was made before its
 * own as well, unlike ATTACH PARTITION (MergeAttributesIntoExisting() of the
 * server's tablecmds.c, 15 to 18).
 */
#include "common/ledger_engine.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "utils/rel.h"
#include "utils/syscache.h"

LEDGER_FUNCTION(ledger_follow_parent);

static void
follow_parent(Relation attributes, Oid table, AttrNumber column)
{
	HeapTuple tuple = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(table), Int16GetDatum(column));
	Form_pg_attribute att;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u", column, table);
	att = (Form_pg_attribute) GETSTRUCT(tuple);
	if (att->attinhcount > 0 && att->attislocal)
	{
		att->attislocal = false;
		CatalogTupleUpdate(attributes, &tuple->t_self, tuple);
	}
	heap_freetuple(tuple);
}

/* Of a table that the caller has locked against everybody. */
Datum
ledger_follow_parent(PG_FUNCTION_ARGS)
{
	Relation rel = table_open(PG_GETARG_OID(0), AccessExclusiveLock);
	Relation attributes = table_open(AttributeRelationId, RowExclusiveLock);

	for (AttrNumber i = 1; i <= RelationGetNumberOfAttributes(rel); i++)
		follow_parent(attributes, RelationGetRelid(rel), i);
	table_close(attributes, RowExclusiveLock);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}
