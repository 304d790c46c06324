/*
 * row_scan.h
 *		Reads all rows of a table, whatever its access method: a heap page by page,
 *		another table by the access method's own scan.
 */
#ifndef LEDGER_ROW_SCAN_H
#define LEDGER_ROW_SCAN_H

#include "table/page_reader.h"

#include "access/tableam.h"

typedef struct RowScan
{
	Relation rel;
	/* A heap: its pages, of which the reader has the current one. */
	PageReader pages;
	BlockNumber nblocks;
	BlockNumber next; /* block */
	OffsetNumber item;
	OffsetNumber last;
	/* Another table; scan is NULL for a heap. */
	TableScanDesc scan;
	TupleTableSlot *slot;
	HeapTuple formed;
} RowScan;

/* The rows that are there now; the table is of kind relation. */
extern void row_scan_open(RowScan *scan, Relation rel, Snapshot snapshot);

/* Sets tuple to the next row, valid until the one after it; false where there is none. */
extern bool row_scan_next(RowScan *scan, HeapTuple tuple);

extern void row_scan_close(RowScan *scan);

#endif
