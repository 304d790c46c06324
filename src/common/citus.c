/*
 * citus.c
 *		Looks a table up in the catalog of Citus (see citus.h).
 */
#include "common/citus.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define CITUS_CATALOG "pg_dist_partition"
#define CITUS_COLUMN  "logicalrelid"

bool
citus_manages(Oid relation)
{
	Oid catalog = get_relname_relid(CITUS_CATALOG, PG_CATALOG_NAMESPACE);
	Relation rel;
	AttrNumber column;
	ScanKeyData key;
	SysScanDesc scan;
	bool found = false;

	if (!OidIsValid(catalog))
		return false;
	rel = table_open(catalog, AccessShareLock);
	column = get_attnum(catalog, CITUS_COLUMN);
	if (column != InvalidAttrNumber)
	{
		ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
		/* It has a row for each of some tables, so no index is needed. */
		scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
		found = HeapTupleIsValid(systable_getnext(scan));
		systable_endscan(scan);
	}
	table_close(rel, AccessShareLock);
	return found;
}
