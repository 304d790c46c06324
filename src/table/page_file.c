/*
 * page_file.c
 *		Direct writing of a new table's pages (see page_file.h).
 *
 * A table that comes to be in a transaction goes if the transaction does, so
 * its pages need no undoing. Extents are logged, written and synced as pages of
 * new files are (new_file.h). TOAST is made as raw_heap_insert()
 * (rewriteheap.c) makes it.
 */
#include "table/page_file.h"

#include "common/crash_point.h"
#include "common/settings.h"
#include "table/new_file.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "utils/memutils.h"

struct PageFile
{
	Relation rel;
	RowStamp stamp;
	bool joined;
	SharedTuplestoreAccessor *spool; /* of long rows; NULL: they are written here */
	NewFile file;
	BlockNumber next; /* of the blocks that are this process's to fill */
	BlockNumber end;
	BlockNumber
		growth;  /* the blocks to be taken next: an extent at first, twice as many each time */
	int64 nrows; /* for the statistics that autovacuum goes by */
	MemoryContext context;
	MemoryContext toast_context;
};

bool
page_file_fits(Relation rel)
{
	return direct_write && rel->rd_rel->relkind == RELKIND_RELATION &&
		   rel->rd_createSubid == GetCurrentSubTransactionId() && !RelationIsLogicallyLogged(rel) &&
		   RelationGetNumberOfBlocks(rel) == 0;
}

char *
page_file_alloc_extent(void)
{
	return new_file_alloc(EXTENT_PAGES);
}

static PageFile *
make_file(Relation rel, RowStamp stamp)
{
	PageFile *file = palloc0_object(PageFile);

	file->rel = rel;
	file->stamp = stamp;
	new_file_open(&file->file, rel);
	file->growth = EXTENT_PAGES;
	file->context = CurrentMemoryContext;
	file->toast_context =
		AllocSetContextCreate(CurrentMemoryContext, "page file toast", ALLOCSET_DEFAULT_SIZES);
	return file;
}

PageFile *
page_file_open(Relation rel, bool frozen)
{
	RowStamp stamp = {frozen, GetCurrentTransactionId(), GetCurrentCommandId(true)};

	return make_file(rel, stamp);
}

PageFile *
page_file_join(Relation rel, RowStamp stamp, SharedTuplestoreAccessor *spool)
{
	PageFile *file = make_file(rel, stamp);

	file->joined = true;
	file->spool = spool;
	return file;
}

RowStamp
page_file_stamp(PageFile *file)
{
	return file->stamp;
}

/* What heap_prepare_insert() (heapam.c, 15 to 18) sets in a row, but for the table's number, which is not stored. */
static void
stamp_row(const RowStamp *stamp, HeapTupleHeader row)
{
	row->t_infomask &= ~HEAP_XACT_MASK;
	row->t_infomask2 &= ~HEAP2_XACT_MASK;
	row->t_infomask |= HEAP_XMAX_INVALID;
	HeapTupleHeaderSetXmin(row, stamp->xid);
	if (stamp->frozen)
		HeapTupleHeaderSetXminFrozen(row);
	HeapTupleHeaderSetCmin(row, stamp->frozen ? FirstCommandId : stamp->command_id);
	HeapTupleHeaderSetXmax(row, InvalidTransactionId);
}

static char *
page_of(char *pages, int i)
{
	return pages + (Size) i * BLCKSZ;
}

/* Tells each row of a page where it is. */
static void
place_rows(Page page, BlockNumber block)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		ItemId item = PageGetItemId(page, i);

		if (ItemIdIsNormal(item))
			ItemPointerSet(&((HeapTupleHeader) PageGetItem(page, item))->t_ctid, block, i);
	}
}

void
page_file_reserve(PageFile *file, BlockNumber nblocks)
{
	/* Extents may follow. */
	new_file_grow(&file->file, 0, TYPEALIGN(EXTENT_PAGES, nblocks));
}

/*
 * The place of the next extent. Each process takes blocks by the stretch, so that
 * they do not wait for each other; what it does not fill of its last one stays empty.
 */
static BlockNumber
next_place(PageFile *file)
{
	BlockNumber place;

	if (file->next == file->end)
	{
		LockRelationForExtension(file->rel, ExclusiveLock);
		file->next = smgrnblocks(RelationGetSmgr(file->rel), MAIN_FORKNUM);
		file->end = file->next + file->growth;
		new_file_grow(&file->file, file->next, file->end);
		UnlockRelationForExtension(file->rel, ExclusiveLock);
		file->growth = Min(file->growth * 2, FILE_STRETCH);
	}
	place = file->next;
	file->next += EXTENT_PAGES;
	/* Extents begin at a multiple of their size, and none lies over another or the end. */
	Assert(place % EXTENT_PAGES == 0 && file->next <= file->end);
	return place;
}

static void
begin_page(PageFile *file, PageExtent *extent)
{
	Page page;

	if (extent->npages == 0)
		extent->place = next_place(file);
	page = (Page) page_of(extent->pages, extent->npages++);
	Assert(extent->npages <= EXTENT_PAGES);
	PageInit(page, BLCKSZ, 0);
	if (file->stamp.frozen)
		PageSetAllVisible(page);
}

/* Logs pages that are ready and writes them to a place that the file has. */
static void
write_pages(PageFile *file, BlockNumber block, int npages, char *pages)
{
	BlockNumber blocks[EXTENT_PAGES] = {0};
	char *list[EXTENT_PAGES] = {NULL};

	Assert(npages > 0 && npages <= EXTENT_PAGES);
	for (int i = 0; i < npages; i++)
	{
		blocks[i] = block + i;
		list[i] = page_of(pages, i);
		place_rows((Page) list[i], blocks[i]);
	}
	new_file_write(&file->file, npages, blocks, list);
}

void
page_file_flush(PageFile *file, PageExtent *extent)
{
	CHECK_FOR_INTERRUPTS();
	if (extent->npages == 0)
		return;
	while (extent->npages < EXTENT_PAGES)
		begin_page(file, extent);
	write_pages(file, extent->place, EXTENT_PAGES, extent->pages);
	extent->npages = 0;
}

/* PageAddItemExtended() (bufpage.c, 15 to 18) for a page that nobody else has and that has no unused item: false where there is no room. */
static inline bool
place_row(Page page, HeapTupleHeader row, uint32 size)
{
	PageHeader header = (PageHeader) page;
	Size room = header->pd_upper - header->pd_lower;
	OffsetNumber offset = PageGetMaxOffsetNumber(page) + 1;

	if (room < MAXALIGN(size) + sizeof(ItemIdData) || offset > MaxHeapTuplesPerPage)
		return false;
	Assert(offset == 1 || ItemIdIsNormal(PageGetItemId(page, offset - 1)));
	header->pd_upper -= MAXALIGN(size);
	header->pd_lower += sizeof(ItemIdData);
	Assert(header->pd_lower <= header->pd_upper);
	memcpy((char *) page + header->pd_upper, row, size);
	ItemIdSetNormal(PageGetItemId(page, offset), header->pd_upper, size);
	return true;
}

static void
add_row(PageFile *file, PageExtent *extent, HeapTupleHeader row, uint32 size)
{
	Page page;

	if (size > MaxHeapTupleSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("row is too big: size %u, maximum size %zu", size, MaxHeapTupleSize)));
	if (unlikely(extent->pages == NULL))
	{
		MemoryContext old = MemoryContextSwitchTo(file->context);

		extent->pages = page_file_alloc_extent();
		MemoryContextSwitchTo(old);
	}
	if (extent->npages == 0)
		begin_page(file, extent);
	stamp_row(&file->stamp, row);
	page = (Page) page_of(extent->pages, extent->npages - 1);
	if (unlikely(!place_row(page, row, size)))
	{
		if (extent->npages == EXTENT_PAGES)
			page_file_flush(file, extent);
		begin_page(file, extent);
		page = (Page) page_of(extent->pages, extent->npages - 1);
		if (!place_row(page, row, size))
			elog(ERROR, "could not add a row to a page");
	}
	file->nrows++;
}

bool
page_file_last_place(const PageExtent *extent, ItemPointer place)
{
	Page page;

	if (extent->npages == 0)
		return false;
	page = (Page) page_of(extent->pages, extent->npages - 1);
	ItemPointerSet(place, extent->place + extent->npages - 1, PageGetMaxOffsetNumber(page));
	return true;
}

void
spool_row(SharedTuplestoreAccessor *spool, HeapTuple row, MemoryContext context)
{
	MinimalTuple copy = copy_minimal_tuple(row);
	MemoryContext old = MemoryContextSwitchTo(context);

	sts_puttuple(spool, NULL, copy);
	MemoryContextSwitchTo(old);
	pfree(copy);
}

/* A row with values that have to go to TOAST. */
static void
put_long_row(PageFile *file, PageExtent *extent, HeapTupleHeader row, uint32 size)
{
	MemoryContext old = MemoryContextSwitchTo(file->toast_context);
	HeapTupleData tuple = {.t_len = size, .t_data = row};

	tuple.t_tableOid = RelationGetRelid(file->rel);
	ItemPointerSetInvalid(&tuple.t_self);
	if (file->spool != NULL)
		spool_row(file->spool, &tuple, file->context);
	else
	{
		HeapTuple stored =
			heap_toast_insert_or_update(file->rel, &tuple, NULL, HEAP_INSERT_SKIP_FSM);

		add_row(file, extent, stored->t_data, stored->t_len);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(file->toast_context);
}

void
page_file_put(PageFile *file, PageExtent *extent, HeapTupleHeader row, uint32 size)
{
	CRASH_POINT_ROW();
	if (unlikely(size > TOAST_TUPLE_THRESHOLD || (row->t_infomask & HEAP_HASEXTERNAL) != 0))
		put_long_row(file, extent, row, size);
	else
		add_row(file, extent, row, size);
}

void
page_file_write(PageFile *file, BlockNumber block, int npages, char *pages)
{
	CRASH_POINT_ROW();
	for (int i = 0; i < npages; i++)
	{
		Page page = (Page) page_of(pages, i);
		OffsetNumber last = PageGetMaxOffsetNumber(page);

		if (!file->stamp.frozen)
			PageClearAllVisible(page);
		for (OffsetNumber o = FirstOffsetNumber; o <= last; o++)
			if (ItemIdIsNormal(PageGetItemId(page, o)))
				stamp_row(&file->stamp,
						  (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, o)));
	}
	write_pages(file, block, npages, pages);
	CHECK_FOR_INTERRUPTS();
}

void
page_file_count(PageFile *file, int64 nrows)
{
	file->nrows += nrows;
}

int64
page_file_rows(PageFile *file)
{
	return file->nrows;
}

void
page_file_close(PageFile *file)
{
	Assert(file->nrows >= 0);
	if (!file->joined)
		new_file_sync(&file->file);
	pgstat_count_heap_insert(file->rel, file->nrows);
	MemoryContextDelete(file->toast_context);
}
