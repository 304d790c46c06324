/*
 * seen_storage.c
 *		acct._as_seen(): refuses a table whose rows a snapshot cannot see because the
 *		table was rewritten since the snapshot was taken.
 *
 * ALTER TABLE ... SET ACCESS METHOD writes rows as new ones. A transaction whose
 * snapshot is older waits for the lock of the table, and then finds it empty
 * (https://www.postgresql.org/docs/current/mvcc-caveats.html). It still sees the
 * old row of pg_class, which names another file.
 */
#include "common/ledger_engine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

LEDGER_FUNCTION(ledger_as_seen);

/* Does the snapshot show that the table has another file than it has now? */
static bool
has_other_file(Relation classes, Relation rel, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool result;

	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(rel)));
	scan = systable_beginscan(classes, ClassOidIndexId, true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	/* A table that the snapshot does not know has no rows for it either. */
	result = HeapTupleIsValid(tuple) &&
			 ((Form_pg_class) GETSTRUCT(tuple))->relfilenode != rel->rd_rel->relfilenode;
	systable_endscan(scan);
	return result;
}

/* Of a table and its partitions, which nobody rewrites from here to the end of the transaction. */
Datum
ledger_as_seen(PG_FUNCTION_ARGS)
{
	Oid table = PG_GETARG_OID(0);
	Relation classes = table_open(RelationRelationId, AccessShareLock);
	List *tables;
	ListCell *lc;

	LockRelationOid(table, AccessShareLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table)))
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("a table was dropped meanwhile"),
						errhint("Call again, in a new transaction.")));
	tables = find_all_inheritors(table, AccessShareLock, NULL);

	foreach(lc, tables)
	{
		Relation rel = table_open(lfirst_oid(lc), AccessShareLock);

		if (has_other_file(classes, rel, GetActiveSnapshot()))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("table %s was rewritten meanwhile", RelationGetRelationName(rel)),
					 errdetail("The snapshot of the transaction is older."),
					 errhint("Call again, in a new transaction.")));
		table_close(rel, NoLock);
	}
	table_close(classes, AccessShareLock);
	PG_RETURN_OID(table);
}
