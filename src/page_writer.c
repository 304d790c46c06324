/*
 * page_writer.c
 *		Direct writing of a new table's pages (see page_writer.h).
 *
 * The rows are frozen: the table came to be with them, and goes if the
 * transaction does. A crash empties an unlogged table, so a page needs no WAL;
 * that its file reaches the disk at a clean shutdown is asked for by the last
 * page of each segment.
 */
#include "page_writer.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/smgr.h"
#include "utils/memutils.h"

/* What direct I/O would ask of the address of a page. */
#define PAGE_ALIGNMENT 4096

struct PageWriter
{
	Relation rel;
	Page page;
	BlockNumber block; /* that the page will be */
	bool has_rows;
	int64 nrows; /* for the statistics that autovacuum goes by */
	MemoryContext toast_context;
};

bool
page_writer_fits(Relation rel)
{
	return rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED && !rel->rd_rel->relhasindex &&
		   rel->rd_createSubid == GetCurrentSubTransactionId() &&
		   RelationGetNumberOfBlocks(rel) == 0;
}

static void
start_page(PageWriter *writer)
{
	PageInit(writer->page, BLCKSZ, 0);
	PageSetAllVisible(writer->page);
	writer->has_rows = false;
}

PageWriter *
page_writer_open(Relation rel)
{
	PageWriter *writer = palloc0_object(PageWriter);

	writer->rel = rel;
	writer->page = (Page) TYPEALIGN(PAGE_ALIGNMENT, palloc(BLCKSZ + PAGE_ALIGNMENT));
	writer->toast_context =
		AllocSetContextCreate(CurrentMemoryContext, "page writer toast", ALLOCSET_DEFAULT_SIZES);
	start_page(writer);
	return writer;
}

static void
write_page(PageWriter *writer, bool is_last)
{
	bool ends_segment = (writer->block + 1) % RELSEG_SIZE == 0;

	CHECK_FOR_INTERRUPTS();
	PageSetChecksumInplace(writer->page, writer->block);
	smgrextend(RelationGetSmgr(writer->rel), MAIN_FORKNUM, writer->block, (char *) writer->page,
			   !(is_last || ends_segment));
	writer->block++;
	start_page(writer);
}

static void
freeze(HeapTupleHeader row)
{
	row->t_infomask &= ~HEAP_XACT_MASK;
	row->t_infomask2 &= ~HEAP2_XACT_MASK;
	row->t_infomask |= HEAP_XMAX_INVALID;
	HeapTupleHeaderSetXmin(row, GetCurrentTransactionId());
	HeapTupleHeaderSetXminFrozen(row);
	HeapTupleHeaderSetCmin(row, FirstCommandId);
	HeapTupleHeaderSetXmax(row, InvalidTransactionId);
}

static void
add_to_page(PageWriter *writer, HeapTupleHeader row, uint32 size)
{
	OffsetNumber offset;

	if (size > MaxHeapTupleSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("row is too big: size %u, maximum size %zu", size, MaxHeapTupleSize)));
	if (PageGetHeapFreeSpace(writer->page) < MAXALIGN(size))
		write_page(writer, false);
	freeze(row);
	offset = PageAddItem(writer->page, (Item) row, size, InvalidOffsetNumber, false, true);
	if (offset == InvalidOffsetNumber)
		elog(ERROR, "could not add a row to a page");
	row = (HeapTupleHeader) PageGetItem(writer->page, PageGetItemId(writer->page, offset));
	ItemPointerSet(&row->t_ctid, writer->block, offset);
	writer->has_rows = true;
	writer->nrows++;
}

/* A row with values that have to go to TOAST. */
static void
put_long_row(PageWriter *writer, HeapTupleHeader row, uint32 size)
{
	MemoryContext old = MemoryContextSwitchTo(writer->toast_context);
	HeapTupleData tuple = {.t_len = size, .t_data = row};
	HeapTuple stored;

	tuple.t_tableOid = RelationGetRelid(writer->rel);
	ItemPointerSetInvalid(&tuple.t_self);
	stored = heap_toast_insert_or_update(writer->rel, &tuple, NULL, HEAP_INSERT_SKIP_FSM);
	add_to_page(writer, stored->t_data, stored->t_len);
	MemoryContextSwitchTo(old);
	MemoryContextReset(writer->toast_context);
}

void
page_writer_put(PageWriter *writer, HeapTupleHeader row, uint32 size)
{
	if (unlikely(size > TOAST_TUPLE_THRESHOLD || (row->t_infomask & HEAP_HASEXTERNAL) != 0))
		put_long_row(writer, row, size);
	else
		add_to_page(writer, row, size);
}

void
page_writer_close(PageWriter *writer)
{
	/* A page is written to make room for a row, so the last one has rows unless there are none at all. */
	if (writer->has_rows)
		write_page(writer, true);
	pgstat_count_heap_insert(writer->rel, writer->nrows);
	MemoryContextDelete(writer->toast_context);
}
