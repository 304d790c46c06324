/*
 * row_holders.c
 *		Who holds a row: acct._row_holders() and acct._commit_durably().
 *
 * Cancelling a run, and waiting for what is being made, need to know whose
 * transaction locked, changed or inserted a row. The row itself says it, in its
 * header: nobody can put an identifier there who has no right to write the
 * table, as anybody can take an advisory lock. The header is read as it is
 * stored, so that rows count that were not committed. No lock is waited for.
 * The extension pgrowlocks reads headers likewise.
 */
#include "common/ledger_engine.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_row_holders);
LEDGER_FUNCTION(ledger_commit_durably);

typedef struct Holders
{
	List *pids;
	bool prepared; /* a prepared transaction is among them */
} Holders;

/* Whether a transaction that has not ended has this identifier; adds its process. */
static bool
add_holder(Holders *holders, TransactionId xid)
{
	int pid;

	if (!TransactionIdIsNormal(xid) || !TransactionIdIsInProgress(xid))
		return false;
	xid = SubTransGetTopmostTransaction(xid);
	pid = BackendXidGetPid(xid);
	if (pid != 0)
		holders->pids = list_append_unique_int(holders->pids, pid);
	else if (TransactionIdIsInProgress(xid))
		holders->prepared = true;
	else
		return false;
	return true;
}

/* The holders that a row's header names, among them those that lock it together. */
static void
add_holders_of(Holders *holders, TransactionId xmin, TransactionId xmax, uint16 infomask)
{
	add_holder(holders, xmin);
	if (infomask & HEAP_XMAX_INVALID)
		return;
	if (infomask & HEAP_XMAX_IS_MULTI)
	{
		MultiXactMember *members;
		int n = GetMultiXactIdMembers(xmax, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(infomask));

		for (int i = 0; i < n; i++)
			add_holder(holders, members[i].xid);
	}
	else
		add_holder(holders, xmax);
}

static Datum
holders_as_array(Holders *holders)
{
	ArrayBuildState *state = initArrayResult(INT4OID, CurrentMemoryContext, false);
	ListCell *cell;

	foreach(cell, holders->pids)
		state = accumArrayResult(state, Int32GetDatum(lfirst_int(cell)), false, INT4OID,
								 CurrentMemoryContext);
	if (holders->prepared)
		state = accumArrayResult(state, (Datum) 0, true, INT4OID, CurrentMemoryContext);
	return makeArrayResult(state, CurrentMemoryContext);
}

/* The columns and values, as text, by which rows are found. */
typedef struct Key
{
	int n;
	AttrNumber *columns;
	Oid *outputs;
	char **values;
} Key;

/* False where a value is NULL: no row has it. */
static bool
read_key(Key *key, Relation rel, ArrayType *columns, ArrayType *values)
{
	Datum *names;
	Datum *texts;
	bool *isnull;
	int n;

	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &key->n);
	deconstruct_array(values, TEXTOID, -1, false, TYPALIGN_INT, &texts, &isnull, &n);
	if (n != key->n || n == 0)
		elog(ERROR, "%d values for %d columns", n, key->n);
	key->columns = palloc_array(AttrNumber, n);
	key->outputs = palloc_array(Oid, n);
	key->values = palloc_array(char *, n);
	for (int i = 0; i < n; i++)
	{
		bool is_varlena;

		if (isnull[i])
			return false;
		key->columns[i] = get_attnum(RelationGetRelid(rel), TextDatumGetCString(names[i]));
		if (key->columns[i] <= 0)
			elog(ERROR, "no column \"%s\"", TextDatumGetCString(names[i]));
		getTypeOutputInfo(TupleDescAttr(RelationGetDescr(rel), key->columns[i] - 1)->atttypid,
						  &key->outputs[i], &is_varlena);
		key->values[i] = TextDatumGetCString(texts[i]);
	}
	return true;
}

/* Whether a row has the key. Only for rows that a transaction holds: others may have lost their TOAST. */
static bool
has_key(HeapTuple tuple, TupleDesc desc, const Key *key)
{
	for (int i = 0; i < key->n; i++)
	{
		bool isnull;
		Datum datum = heap_getattr(tuple, key->columns[i], desc, &isnull);

		if (isnull || strcmp(OidOutputFunctionCall(key->outputs[i], datum), key->values[i]) != 0)
			return false;
	}
	return true;
}

/* (table, columns, values): the processes of transactions that hold such rows. */
Datum
ledger_row_holders(PG_FUNCTION_ARGS)
{
	Relation rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	Holders holders = {NIL, false};
	Key key;
	TableScanDesc scan;
	HeapTuple tuple;

	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		elog(ERROR, "no heap");
	if (!read_key(&key, rel, PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2)))
	{
		table_close(rel, AccessShareLock);
		return holders_as_array(&holders);
	}
	scan = table_beginscan(rel, SnapshotAny, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Buffer buffer = ((HeapScanDesc) scan)->rs_cbuf;
		Holders found = {NIL, false};
		TransactionId xmin;
		TransactionId xmax;
		uint16 infomask;

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		xmin = HeapTupleHeaderGetXmin(tuple->t_data);
		xmax = HeapTupleHeaderGetRawXmax(tuple->t_data);
		infomask = tuple->t_data->t_infomask;
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		add_holders_of(&found, xmin, xmax, infomask);
		if ((found.pids == NIL && !found.prepared) || !has_key(tuple, RelationGetDescr(rel), &key))
			continue;
		holders.pids = list_concat_unique_int(holders.pids, found.pids);
		holders.prepared |= found.prepared;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	return holders_as_array(&holders);
}

/* The commit waits for the disk, whatever the caller's synchronous_commit says. */
Datum
ledger_commit_durably(PG_FUNCTION_ARGS)
{
	ForceSyncCommit();
	PG_RETURN_VOID();
}
