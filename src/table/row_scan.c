/*
 * row_scan.c
 *		Reading a complete table (see row_scan.h).
 */
#include "table/row_scan.h"

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "miscadmin.h"

void
row_scan_open(RowScan *scan, Relation rel, Snapshot snapshot)
{
	if (rel->rd_tableam == NULL)
		elog(ERROR, "%s has no rows of its own", RelationGetRelationName(rel));
	memset(scan, 0, sizeof(RowScan));
	scan->rel = rel;
	if (rel->rd_rel->relam == HEAP_TABLE_AM_OID)
	{
		page_reader_open(&scan->pages, rel, snapshot);
		scan->nblocks = RelationGetNumberOfBlocks(rel);
		return;
	}
	scan->slot = table_slot_create(rel, NULL);
	scan->scan = table_beginscan(rel, snapshot, 0, NULL);
}

static bool
next_of_pages(RowScan *scan, HeapTuple tuple)
{
	for (;;)
	{
		while (scan->item < scan->last)
			if (page_reader_row(&scan->pages, ++scan->item, tuple))
				return true;
		if (scan->next == scan->nblocks)
			return false;
		CHECK_FOR_INTERRUPTS();
		scan->last = page_reader_page(&scan->pages, scan->next++);
		scan->item = InvalidOffsetNumber;
	}
}

/* The row is formed as a heap stores it, but for values that a heap would compress or store elsewhere. */
static bool
next_of_scan(RowScan *scan, HeapTuple tuple)
{
	CHECK_FOR_INTERRUPTS();
	if (!table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->slot))
		return false;
	if (scan->formed != NULL)
		heap_freetuple(scan->formed);
	scan->formed = ExecCopySlotHeapTuple(scan->slot);
	*tuple = *scan->formed;
	return true;
}

bool
row_scan_next(RowScan *scan, HeapTuple tuple)
{
	return scan->scan != NULL ? next_of_scan(scan, tuple) : next_of_pages(scan, tuple);
}

void
row_scan_close(RowScan *scan)
{
	if (scan->scan == NULL)
	{
		page_reader_close(&scan->pages);
		return;
	}
	if (scan->formed != NULL)
		heap_freetuple(scan->formed);
	ExecDropSingleTupleTableSlot(scan->slot);
	table_endscan(scan->scan);
}
