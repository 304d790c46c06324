/*
 * brin_summary.c
 *		Has a BRIN index know the rows that came lately, where nobody has to be
 *		waited for.
 *
 * The server summarizes new pages under a lock that VACUUM, ANALYZE and CREATE
 * INDEX CONCURRENTLY also hold. A run does not wait for them: pages that are not
 * summarized are read, which takes longer and finds the same.
 */
#include "common/ledger_engine.h"

#include "access/brin.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"

LEDGER_FUNCTION(ledger_summarize_index);

/* True where the index was summarized: no other session is summarizing, vacuuming or rebuilding. */
Datum
ledger_summarize_index(PG_FUNCTION_ARGS)
{
	Oid index = PG_GETARG_OID(0);
	Oid table = IndexGetRelation(index, true);
	bool done = false;

	if (RecoveryInProgress() || !OidIsValid(table))
		PG_RETURN_BOOL(false);
	/* brin_summarize_new_values() takes both locks, and would wait for them. */
	if (!ConditionalLockRelationOid(table, ShareUpdateExclusiveLock))
		PG_RETURN_BOOL(false);
	if (ConditionalLockRelationOid(index, ShareUpdateExclusiveLock))
	{
		(void) DirectFunctionCall1(brin_summarize_new_values, ObjectIdGetDatum(index));
		UnlockRelationOid(index, ShareUpdateExclusiveLock);
		done = true;
	}
	UnlockRelationOid(table, ShareUpdateExclusiveLock);
	PG_RETURN_BOOL(done);
}
