/*
 * page_reader.h
 *		Reads the rows of a table page by page, from copies of its pages.
 *
 * The reader has room for one page, which the next one replaces; or a page is
 * copied to where its reader's user wants it.
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
	char *room; /* for a page */
	Page page;  /* read last: there, or where it was wanted */
	BlockNumber block;
} PageReader;

/* The table is a heap: another one is refused (0A000). */
extern void page_reader_open(PageReader *reader, Relation rel, Snapshot snapshot);

/*
 * Reads a page, of which only rows that the snapshot sees remain: its last item,
 * InvalidOffsetNumber where it has none.
 */
extern OffsetNumber page_reader_page(PageReader *reader, BlockNumber block);

/* The same, with the page copied to target, which has room for BLCKSZ bytes. */
extern OffsetNumber page_reader_page_to(PageReader *reader, BlockNumber block, char *target);

/* Sets tuple to the row at an item of the page read last, valid as long as that is; false where there is none. */
extern bool page_reader_row(PageReader *reader, OffsetNumber item, HeapTuple tuple);

extern void page_reader_close(PageReader *reader);

#endif
