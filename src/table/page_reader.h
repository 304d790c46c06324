/*
 * page_reader.h
 *		Reads the rows of a table page by page, from copies of its pages.
 */
#ifndef LEDGER_PAGE_READER_H
#define LEDGER_PAGE_READER_H

#include "common/ledger_engine.h"

#include "access/htup.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct PageReader
{
	Relation rel;
	Snapshot snapshot;
	BufferAccessStrategy strategy;
} PageReader;

extern void page_reader_open(PageReader *reader, Relation rel, Snapshot snapshot);

/* Copies a page, of which only rows that the snapshot sees remain. False where there are none. */
extern bool page_reader_page(PageReader *reader, BlockNumber block, char *page);

/* Sets tuple to the row at an item of such a page; false where there is none. */
extern bool page_reader_row(PageReader *reader, char *page, OffsetNumber item, HeapTuple tuple);

extern void page_reader_close(PageReader *reader);

#endif
