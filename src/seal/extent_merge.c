/*
 * extent_merge.c
 *		Merges extents (see extent_merge.h).
 *
 * Extents are taken up in the order of their first rows, each when the merge
 * comes to that row.
 */
#include "seal/extent_merge.h"

#include "access/htup_details.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Extents that are read at the same time; where there would have to be more, the rows are not as expansion leaves them. */
#define MAX_OPEN 256

/* An extent that is being read, and the line that it is at. */
typedef struct Cursor
{
	struct Cursor *next_unused;
	const MergedExtent *extent;
	PageReader reader; /* with the page that is read */
	char *pages;
	int npages;
	int page; /* from 1 */
	OffsetNumber item;
	OffsetNumber last;
	HeapTupleData tuple;
	Line line;
	LineSum sum;
} Cursor;

typedef struct Merge
{
	ExtentSource *source;
	TupleDesc tupdesc;
	Datum *values;
	bool *isnull;
	StringInfoData row;
	SealRows *rows;
	bool failed;
	binaryheap *open; /* Cursor, the one with the lowest row first */
	Cursor *unused;
} Merge;

static int
compare_extents(const void *a, const void *b)
{
	const MergedExtent *x = a;
	const MergedExtent *y = b;

	if (x->first_je_id != y->first_je_id)
		return x->first_je_id < y->first_je_id ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

static inline int
compare_lines(const Line *x, const Line *y)
{
	if (x->je_id != y->je_id)
		return x->je_id < y->je_id ? -1 : 1;
	return x->line_no - y->line_no;
}

/* The heap has the highest first. */
static int
compare_cursors(Datum a, Datum b, void *arg)
{
	return compare_lines(&((Cursor *) DatumGetPointer(b))->line,
						 &((Cursor *) DatumGetPointer(a))->line);
}

static void
end_extent(Merge *merge, Cursor *cursor, bool accepted)
{
	ExtentSource *source = merge->source;

	if (source->end != NULL)
		source->end(cursor->extent, cursor->pages, accepted, &cursor->sum, source->arg);
	merge->failed = merge->failed || !accepted;
	cursor->next_unused = merge->unused;
	merge->unused = cursor;
}

/* Goes to the next line of an extent; false where it has ended, and with it the cursor. */
static bool
advance(Merge *merge, Cursor *cursor)
{
	ExtentSource *source = merge->source;

	for (;;)
	{
		while (cursor->item < cursor->last)
		{
			if (!page_reader_row(&cursor->reader, ++cursor->item, &cursor->tuple))
				continue;
			line_reader_read(source->lines, &cursor->tuple, &cursor->line);
			if (source->accept != NULL && !source->accept(cursor->extent, &cursor->tuple,
														  &cursor->line, &cursor->sum, source->arg))
			{
				end_extent(merge, cursor, false);
				return false;
			}
			return true;
		}
		if (cursor->page == cursor->npages)
		{
			end_extent(merge, cursor, true);
			return false;
		}
		CHECK_FOR_INTERRUPTS();
		cursor->item = InvalidOffsetNumber;
		cursor->last = page_reader_page_to(&cursor->reader, cursor->extent->block + cursor->page,
										   cursor->pages + cursor->page * BLCKSZ);
		cursor->page++;
	}
}

static Cursor *
take_up(Merge *merge, const MergedExtent *extent, BlockNumber nblocks)
{
	Cursor *cursor = merge->unused;

	if (cursor == NULL)
	{
		cursor = palloc_object(Cursor);
		cursor->pages = page_file_alloc_extent();
	}
	else
		merge->unused = cursor->next_unused;
	Assert(extent->block < nblocks);
	cursor->extent = extent;
	cursor->reader = *merge->source->reader;
	cursor->npages = Min(EXTENT_PAGES, nblocks - extent->block);
	cursor->page = 0;
	cursor->item = cursor->last = InvalidOffsetNumber;
	memset(&cursor->sum, 0, sizeof(LineSum));
	return cursor;
}

/* Puts the line that a cursor is at. */
static bool
put_line(Merge *merge, Cursor *cursor)
{
	ExtentSource *source = merge->source;
	MemoryContext old;
	RowKey key;
	bool in_order;

	resetStringInfo(&merge->row);
	if (likely(form_encode_line(source->form, &cursor->line, &merge->row, &key)))
		return seal_rows_put(merge->rows, &key, merge->row.data, merge->row.len);
	old = MemoryContextSwitchTo(source->row_context);
	heap_deform_tuple(&cursor->tuple, merge->tupdesc, merge->values, merge->isnull);
	form_encode(source->form, merge->values, merge->isnull, &merge->row, &key);
	in_order = seal_rows_put(merge->rows, &key, merge->row.data, merge->row.len);
	MemoryContextSwitchTo(old);
	MemoryContextReset(source->row_context);
	return in_order;
}

/* Puts the lines of a cursor up to a journal, and the first in any case; false where the cursor has ended. */
static bool
put_up_to(Merge *merge, Cursor *cursor, int64 je_id)
{
	do
	{
		if (!merge->failed && !put_line(merge, cursor))
			merge->failed = true;
		if (!advance(merge, cursor))
			return false;
	} while (cursor->line.je_id <= je_id);
	return true;
}

/* The journal up to which the lowest cursor may go on without asking the others. */
static int64
limit_of(Merge *merge, const MergedExtent *next)
{
	int64 limit = next != NULL ? next->first_je_id - 1 : PG_INT64_MAX;

	/* The second lowest is one of the two below the lowest. */
	for (int i = 1; i <= 2 && i < merge->open->bh_size; i++)
		limit = Min(limit, ((Cursor *) DatumGetPointer(merge->open->bh_nodes[i]))->line.je_id - 1);
	return limit;
}

/* Takes up the extents that begin before the lowest line that is open. */
static void
take_up_next(Merge *merge, const MergedExtent *extents, int64 nextents, int64 *next,
			 BlockNumber nblocks)
{
	while (*next < nextents &&
		   (binaryheap_empty(merge->open) ||
			extents[*next].first_je_id <=
				((Cursor *) DatumGetPointer(binaryheap_first(merge->open)))->line.je_id))
	{
		Cursor *cursor;

		/* The order does not matter any more. */
		if (merge->failed && !binaryheap_empty(merge->open))
			return;
		if (merge->open->bh_size == MAX_OPEN)
		{
			merge->failed = true;
			return;
		}
		cursor = take_up(merge, &extents[(*next)++], nblocks);
		if (advance(merge, cursor))
			binaryheap_add(merge->open, PointerGetDatum(cursor));
	}
}

static void
merge_all(Merge *merge, const MergedExtent *extents, int64 nextents)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(merge->source->reader->rel);
	int64 next = 0;

	for (;;)
	{
		Cursor *lowest;

		if (merge->failed && merge->source->end == NULL)
			return;
		take_up_next(merge, extents, nextents, &next, nblocks);
		if (binaryheap_empty(merge->open))
			return;
		lowest = (Cursor *) DatumGetPointer(binaryheap_first(merge->open));
		if (put_up_to(merge, lowest, limit_of(merge, next < nextents ? &extents[next] : NULL)))
			binaryheap_replace_first(merge->open, PointerGetDatum(lowest));
		else
			binaryheap_remove_first(merge->open);
	}
}

bool
extent_merge(ExtentSource *source, MergedExtent *extents, int64 nextents, SealRows *rows)
{
	TupleDesc tupdesc = RelationGetDescr(source->reader->rel);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "extent merge", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Merge merge = {.source = source, .tupdesc = tupdesc, .rows = rows};

	merge.values = palloc_array(Datum, tupdesc->natts + 1);
	merge.isnull = palloc_array(bool, tupdesc->natts + 1);
	initStringInfo(&merge.row);
	merge.open = binaryheap_allocate(MAX_OPEN, compare_cursors, NULL);
	qsort(extents, nextents, sizeof(MergedExtent), compare_extents);
	merge_all(&merge, extents, nextents);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return !merge.failed;
}
