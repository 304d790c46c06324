/*
 * shared_staging.c
 *		Staging of small runs (see shared_staging.h).
 */
#include "ledger/shared_staging.h"

#include "common/columns.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

static const char *const shared_tables[] = {"je_header_staging_small", "je_line_staging_small"};

bool
staging_is_shared(Relation rel)
{
	/* The layout of 0.1.0 does not have them. */
	for (int i = 0; i < lengthof(shared_tables); i++)
		if (RelationGetRelid(rel) == get_relname_relid(shared_tables[i], ledger_engine_schema()))
			return true;
	return false;
}

void
shared_staging_open(KeyScan *scan, Relation rel, int64 run_id, Snapshot snapshot)
{
	AttrNumber column =
		column_find(RelationGetDescr(rel), RelationGetRelationName(rel), "run_id", INT8OID);

	key_scan_open(scan, rel, column, run_id, snapshot);
}
