/*
 * new_rows_scan.c
 *		Scanning new rows for an index build (see new_rows_scan.h).
 */
#include "table/new_rows_scan.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

typedef struct NewRows
{
	Relation table;
	Relation index;
	IndexInfo *index_info;
	IndexBuildCallback callback;
	void *callback_state;
	EState *estate;
	TupleTableSlot *slot;
	TransactionId own; /* known to be of this transaction */
	double count;
} NewRows;

/* Is it a row that this transaction inserted, and left as it was? */
static bool
is_own(NewRows *scan, HeapTupleHeader row)
{
	TransactionId inserter = HeapTupleHeaderGetRawXmin(row);

	if ((row->t_infomask & HEAP_XMAX_INVALID) == 0 || HeapTupleHeaderIsHeapOnly(row))
		return false;
	if (inserter == scan->own || HeapTupleHeaderXminFrozen(row))
		return true;
	if (!TransactionIdIsCurrentTransactionId(inserter))
		return false;
	scan->own = inserter;
	return true;
}

/* The places of a page's rows; their number. */
static int
find_rows(NewRows *scan, Buffer buffer, OffsetNumber rows[MaxHeapTuplesPerPage])
{
	Page page = BufferGetPage(buffer);
	int nrows = 0;
	OffsetNumber last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	last = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		ItemId item = PageGetItemId(page, i);

		if (!ItemIdIsUsed(item))
			continue;
		if (!ItemIdIsNormal(item) || !is_own(scan, (HeapTupleHeader) PageGetItem(page, item)))
			elog(ERROR, "table %s holds rows that are not new",
				 RelationGetRelationName(scan->table));
		rows[nrows++] = i;
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return nrows;
}

/* Gives the rows of a page to the builder. */
static void
scan_page(NewRows *scan, Buffer buffer)
{
	OffsetNumber rows[MaxHeapTuplesPerPage];
	int nrows = find_rows(scan, buffer, rows);
	ExprContext *econtext = GetPerTupleExprContext(scan->estate);

	for (int i = 0; i < nrows; i++)
	{
		ItemId item = PageGetItemId(BufferGetPage(buffer), rows[i]);
		Datum values[INDEX_MAX_KEYS];
		bool isnull[INDEX_MAX_KEYS];
		HeapTupleData tuple;

		tuple.t_data = (HeapTupleHeader) PageGetItem(BufferGetPage(buffer), item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(scan->table);
		ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), rows[i]);
		ExecStoreHeapTuple(&tuple, scan->slot, false);
		FormIndexDatum(scan->index_info, scan->slot, scan->estate, values, isnull);
		scan->callback(scan->index, &tuple.t_self, values, isnull, true, scan->callback_state);
	}
	scan->count += nrows;
	ResetExprContext(econtext);
}

/*
 * TableAmRoutine.index_build_range_scan: the whole table, by the process that asks.
 * It follows heapam_index_build_range_scan() (heapam_handler.c, 15 to 18), less what
 * that does for rows that others may see, for HOT chains and for predicates.
 */
static double
scan_new_rows(Relation table, Relation index, IndexInfo *index_info, bool allow_sync,
			  bool anyvisible, bool progress, BlockNumber start_blockno, BlockNumber numblocks,
			  IndexBuildCallback callback, void *callback_state, TableScanDesc parallel_scan)
{
	NewRows scan = {.table = table,
					.index = index,
					.index_info = index_info,
					.callback = callback,
					.callback_state = callback_state};
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);

	if (start_blockno != 0 || numblocks != InvalidBlockNumber || parallel_scan != NULL)
		elog(ERROR, "a new table is scanned as a whole");
	scan.estate = CreateExecutorState();
	scan.slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsHeapTuple);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Buffer buffer = ReadBufferExtended(table, MAIN_FORKNUM, block, RBM_NORMAL, strategy);

		CHECK_FOR_INTERRUPTS();
		scan_page(&scan, buffer);
		ExecClearTuple(scan.slot);
		ReleaseBuffer(buffer);
	}
	ExecDropSingleTupleTableSlot(scan.slot);
	FreeExecutorState(scan.estate);
	FreeAccessStrategy(strategy);
	return scan.count;
}

const TableAmRoutine *
new_rows_use_scan(Relation table, TableAmRoutine *routine)
{
	const TableAmRoutine *own = table->rd_tableam;

	*routine = *own;
	routine->index_build_range_scan = scan_new_rows;
	table->rd_tableam = routine;
	return own;
}
