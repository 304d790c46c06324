/*
 * key_scan.h
 *		The rows of a table that have a number in a column: by a B-tree on that
 *		column where there is one, else by reading the table.
 */
#ifndef LEDGER_KEY_SCAN_H
#define LEDGER_KEY_SCAN_H

#include "common/ledger_engine.h"

#include "access/genam.h"
#include "access/htup.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct KeyScan
{
	SysScanDesc scan;
	char *room; /* for a copy of a row */
} KeyScan;

/* column is of type bigint. */
extern void
key_scan_open(KeyScan *scan, Relation rel, AttrNumber column, int64 value, Snapshot snapshot);

/* Sets tuple to a copy of the next row that the snapshot sees, valid until the one after it; false where there is none. */
extern bool key_scan_next(KeyScan *scan, HeapTuple tuple);

extern void key_scan_close(KeyScan *scan);

typedef enum KeyEnds
{
	KEY_ENDS_FOUND,
	KEY_ENDS_EMPTY, /* the snapshot sees no row */
	KEY_ENDS_NO_INDEX
} KeyEnds;

/* The lowest and the highest number in a column of type bigint, NOT NULL, by a B-tree on it. */
extern KeyEnds
key_scan_ends(Relation rel, AttrNumber column, Snapshot snapshot, int64 *first, int64 *last);

#endif
