/*
 * page_file.h
 *		The file of a new table, filled by pages past shared buffers.
 *
 * Nobody can look at a table that the current (sub)transaction made. So its
 * pages are put together in memory, logged whole where the table is logged, and
 * written once, as the server does when it builds an index or rewrites a table.
 * Through shared buffers each page is written twice, as zeros when the file
 * grows and again when the buffer is evicted.
 *
 * Pages come in extents of EXTENT_PAGES that begin at a multiple of it: each
 * extent is filled by one stream of rows, and several streams fill one file.
 */
#ifndef LEDGER_PAGE_FILE_H
#define LEDGER_PAGE_FILE_H

#include "common/ledger_engine.h"

#include "access/htup_details.h"
#include "utils/rel.h"
#include "utils/sharedtuplestore.h"

#define EXTENT_PAGES 4

typedef struct PageFile PageFile;

/* An extent being filled. All zero: none yet. */
typedef struct PageExtent
{
	char *pages;
	int npages;        /* begun */
	BlockNumber place; /* that its first page gets */
} PageExtent;

/*
 * True where a table can be written so: made by this (sub)transaction, still
 * empty, and not to be decoded from the log (which whole pages do not allow).
 */
extern bool page_file_fits(Relation rel);

/* Rows are written frozen, or else as the current command's. */
extern PageFile *page_file_open(Relation rel, bool frozen);

/* Adds a row to an extent, and writes the extent when it is full. The row's header is changed, its bytes are copied. */
extern void page_file_put(PageFile *file, PageExtent *extent, HeapTupleHeader row, uint32 size);

/* The place of the row that was added last to an extent; false where there is none. */
extern bool page_file_last_place(const PageExtent *extent, ItemPointer place);

/* Writes an extent that is not full; its last pages may be empty. */
extern void page_file_flush(PageFile *file, PageExtent *extent);

/*
 * Makes the file so many blocks long, or up to an extent longer, to be written by page_file_write(), by several processes
 * where need be.
 */
extern void page_file_reserve(PageFile *file, BlockNumber nblocks);

/* Writes pages, an extent's at most, whose rows are made those of this table, at a reserved place. */
extern void page_file_write(PageFile *file, BlockNumber block, int npages, char *pages);

/* Counts rows of pages written by page_file_write(). */
extern void page_file_count(PageFile *file, int64 nrows);

/* The rows written, by this process or counted by page_file_count(). */
extern int64 page_file_rows(PageFile *file);

/* Sees to it that the file reaches the disk. The rows are there when the transaction commits. */
extern void page_file_close(PageFile *file);

/* Room for an extent, in the current memory context, aligned as direct I/O would ask. */
extern char *page_file_alloc_extent(void);

/* What a row's header is to say, for page_file_write() in another process. */
typedef struct RowStamp
{
	bool frozen;
	TransactionId xid;
	CommandId command_id;
} RowStamp;

extern RowStamp page_file_stamp(PageFile *file);

/*
 * A page file in a process that helps the one that opened it, which does not
 * sync it when it closes it. Rows that would need TOAST, which such a process
 * cannot write, go to the spool; NULL: there are none.
 */
extern PageFile *page_file_join(Relation rel, RowStamp stamp, SharedTuplestoreAccessor *spool);

/* Adds a row to a spool; context outlives it, for what the spool makes at its first row. */
extern void spool_row(SharedTuplestoreAccessor *spool, HeapTuple row, MemoryContext context);

#endif
