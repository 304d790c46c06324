/*
 * number_lock.c
 *		acct._lock_number(): a lock on a number in a table, which may be no row.
 *
 * It is one of the server's locks on objects, of the class of the table, which
 * no statement takes: a session can hold it that may not write, on a standby,
 * and at any isolation level, and who takes it alone waits for those who hold it
 * together as for readers of a table.
 */
#include "common/ledger_engine.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"

LEDGER_FUNCTION(ledger_lock_number);

Datum
ledger_lock_number(PG_FUNCTION_ARGS)
{
	uint64 number = PG_GETARG_INT64(1);
	LOCKTAG tag;

	/* The tag has room for 48 bits, of which pg_locks shows the first one as a sign. Numbers that differ beyond them share a lock. */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, PG_GETARG_OID(0), (uint32) number,
					   (number >> 32) & PG_INT16_MAX);
	(void) LockAcquire(&tag, PG_GETARG_BOOL(2) ? AccessExclusiveLock : AccessShareLock, false,
					   false);
	PG_RETURN_VOID();
}
