/*
 * key_scan.c
 *		Rows by a number (see key_scan.h).
 *
 * The scan is the one by which the server reads its catalogs: it takes any table
 * and snapshot, and does without an index where there is none.
 */
#include "table/key_scan.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opfamily_d.h"
#include "catalog/pg_type.h"
#include "nodes/pg_list.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

/* May a snapshot of this transaction miss rows of an index, as it was built over chains that were broken? As plancat.c has it. */
static bool
is_too_young(Relation index)
{
	return index->rd_index->indcheckxmin &&
		   !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
								  TransactionXmin);
}

/* A B-tree over all rows whose first key is the column, from the lowest number to the highest. */
static bool
serves(Relation index, AttrNumber column)
{
	Form_pg_index form = index->rd_index;

	return index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && !is_too_young(index) &&
		   form->indkey.values[0] == column && index->rd_opfamily[0] == INTEGER_BTREE_FAM_OID &&
		   (index->rd_indoption[0] & INDOPTION_DESC) == 0 &&
		   RelationGetIndexPredicate(index) == NIL;
}

static Oid
find_index(Relation rel, AttrNumber column)
{
	List *indexes = RelationGetIndexList(rel);
	Oid found = InvalidOid;
	ListCell *lc;

	foreach(lc, indexes)
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		if (serves(index, column))
			found = RelationGetRelid(index);
		index_close(index, AccessShareLock);
		if (OidIsValid(found))
			break;
	}
	list_free(indexes);
	return found;
}

void
key_scan_open(KeyScan *scan, Relation rel, AttrNumber column, int64 value, Snapshot snapshot)
{
	Oid index = find_index(rel, column);
	ScanKeyData key;

	Assert(TupleDescAttr(RelationGetDescr(rel), column - 1)->atttypid == INT8OID);
	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(value));
	scan->scan = systable_beginscan(rel, index, OidIsValid(index), snapshot, 1, &key);
	scan->room = palloc(BLCKSZ);
}

bool
key_scan_next(KeyScan *scan, HeapTuple tuple)
{
	HeapTuple found = systable_getnext(scan->scan);

	if (!HeapTupleIsValid(found))
		return false;
	/* In a heap, as shared staging is, a row is not longer than its page. */
	Assert(found->t_len <= BLCKSZ);
	memcpy(scan->room, found->t_data, found->t_len);
	tuple->t_data = (HeapTupleHeader) scan->room;
	tuple->t_len = found->t_len;
	tuple->t_tableOid = found->t_tableOid;
	tuple->t_self = found->t_self;
	return true;
}

void
key_scan_close(KeyScan *scan)
{
	systable_endscan(scan->scan);
	pfree(scan->room);
}

/* The number of the first row in a direction; false where there is none. */
static bool
find_end(Relation rel, Relation index, AttrNumber column, Snapshot snapshot,
		 ScanDirection direction, int64 *number)
{
	SysScanDesc scan = systable_beginscan_ordered(rel, index, snapshot, 0, NULL);
	HeapTuple tuple = systable_getnext_ordered(scan, direction);
	bool found = HeapTupleIsValid(tuple);

	if (found)
	{
		bool isnull;

		*number = DatumGetInt64(heap_getattr(tuple, column, RelationGetDescr(rel), &isnull));
		Assert(!isnull);
	}
	systable_endscan_ordered(scan);
	return found;
}

KeyEnds
key_scan_ends(Relation rel, AttrNumber column, Snapshot snapshot, int64 *first, int64 *last)
{
	Oid oid = find_index(rel, column);
	Relation index;
	KeyEnds ends = KEY_ENDS_EMPTY;

	if (!OidIsValid(oid))
		return KEY_ENDS_NO_INDEX;
	index = index_open(oid, AccessShareLock);
	if (find_end(rel, index, column, snapshot, ForwardScanDirection, first) &&
		find_end(rel, index, column, snapshot, BackwardScanDirection, last))
		ends = KEY_ENDS_FOUND;
	index_close(index, AccessShareLock);
	return ends;
}
