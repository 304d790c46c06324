/*
 * page_writer.h
 *		Fills the pages of a new table and writes them to its file directly.
 *
 * For a table that the current (sub)transaction made, that is not logged and
 * has no index, nobody can look at a page before the writer is done with it. So
 * pages are put together in memory and appended to the file once, full, as the
 * server does when it rewrites a table (access/heap/rewriteheap.c). Through
 * shared buffers each page is written twice, as zeros when the file grows and
 * again when the buffer is evicted.
 */
#ifndef LEDGER_PAGE_WRITER_H
#define LEDGER_PAGE_WRITER_H

#include "ledger_engine.h"

#include "access/htup_details.h"
#include "utils/rel.h"

typedef struct PageWriter PageWriter;

/* True where the table is such a one, and empty. */
extern bool page_writer_fits(Relation rel);

extern PageWriter *page_writer_open(Relation rel);

/* Adds a row, frozen; its header is changed, its bytes are copied. */
extern void page_writer_put(PageWriter *writer, HeapTupleHeader row, uint32 size);

/* Writes the last page. The rows are there when the transaction commits. */
extern void page_writer_close(PageWriter *writer);

#endif
