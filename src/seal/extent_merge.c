/*
 * extent_merge.c
 *		Merges extents (see extent_merge.h).
 *
 * Extents are taken up in the order of their first rows, each when the merge
 * comes to that row.
 */
#include "seal/extent_merge.h"

#include "common/progress.h"

#include "access/htup_details.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Extents that are read at the same time; where there would have to be more, the rows are not as expansion leaves them. */
#define MAX_OPEN 256

/* An extent that is being read, and the row that it is at. */
typedef struct Cursor
{
	PageReader reader; /* with this page */
	char *page;
	BlockNumber block; /* of the page */
	BlockNumber end;
	OffsetNumber item;
	OffsetNumber last;
	HeapTupleData tuple;
	int64 je_id;
	int16 line_no;
} Cursor;

typedef struct Merge
{
	BoundForm *form;
	TupleDesc tupdesc;
	Datum *values;
	bool *isnull;
	StringInfoData row;
	SealRows *rows;
	MemoryContext row_context;
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

/* The heap has the highest first. */
static int
compare_cursors(Datum a, Datum b, void *arg)
{
	const Cursor *x = (Cursor *) DatumGetPointer(a);
	const Cursor *y = (Cursor *) DatumGetPointer(b);

	if (x->je_id != y->je_id)
		return x->je_id < y->je_id ? 1 : -1;
	return x->line_no < y->line_no ? 1 : x->line_no > y->line_no ? -1 : 0;
}

/* Goes to the next row of an extent; false at its end. */
static bool
advance(Merge *merge, Cursor *cursor)
{
	for (;;)
	{
		while (cursor->item < cursor->last)
			if (page_reader_row(&cursor->reader, ++cursor->item, &cursor->tuple))
			{
				form_position(merge->form, &cursor->tuple, merge->tupdesc, &cursor->je_id,
							  &cursor->line_no);
				return true;
			}
		if (++cursor->block >= cursor->end)
			return false;
		CHECK_FOR_INTERRUPTS();
		cursor->item = InvalidOffsetNumber;
		cursor->last = page_reader_page_to(&cursor->reader, cursor->block, cursor->page);
		progress_add(cursor->last);
	}
}

static Cursor *
take_up(Merge *merge, const PageReader *reader, const MergedExtent *extent, BlockNumber nblocks)
{
	Cursor *cursor = merge->unused;

	if (cursor == NULL)
	{
		cursor = palloc_object(Cursor);
		cursor->page = palloc(BLCKSZ);
	}
	merge->unused = NULL;
	cursor->reader = *reader;
	cursor->block = extent->block - 1;
	cursor->end = Min(extent->block + EXTENT_PAGES, nblocks);
	cursor->item = cursor->last = InvalidOffsetNumber;
	return cursor;
}

static void
give_back(Merge *merge, Cursor *cursor)
{
	if (merge->unused != NULL)
	{
		pfree(cursor->page);
		pfree(cursor);
	}
	else
		merge->unused = cursor;
}

static bool
put_row(Merge *merge, HeapTuple tuple)
{
	MemoryContext old = MemoryContextSwitchTo(merge->row_context);
	RowKey key;
	bool in_order;

	heap_deform_tuple(tuple, merge->tupdesc, merge->values, merge->isnull);
	resetStringInfo(&merge->row);
	form_encode(merge->form, merge->values, merge->isnull, &merge->row, &key);
	in_order = seal_rows_put(merge->rows, &key, merge->row.data, merge->row.len);
	MemoryContextSwitchTo(old);
	MemoryContextReset(merge->row_context);
	return in_order;
}

/* Puts the rows of a cursor up to one, and including it; false where they are not in order. Sets ended at the end of the extent. */
static bool
put_up_to(Merge *merge, Cursor *cursor, int64 je_id, bool *ended)
{
	*ended = false;
	do
	{
		if (!put_row(merge, &cursor->tuple))
			return false;
		if (!advance(merge, cursor))
		{
			*ended = true;
			break;
		}
	} while (cursor->je_id <= je_id);
	return true;
}

/* What the lowest cursor may go on to without asking the others: all below the row of the next lowest, or of the next extent. */
static int64
limit_of(Merge *merge, const MergedExtent *next)
{
	int64 limit = next != NULL ? next->first_je_id - 1 : PG_INT64_MAX;

	/* The children of the first. */
	for (int i = 1; i <= 2 && i < merge->open->bh_size; i++)
		limit = Min(limit, ((Cursor *) DatumGetPointer(merge->open->bh_nodes[i]))->je_id - 1);
	return limit;
}

static bool
merge_all(Merge *merge, const PageReader *reader, const MergedExtent *extents, int64 nextents)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(reader->rel);
	int64 n = 0;

	while (n < nextents || !binaryheap_empty(merge->open))
	{
		Cursor *lowest;
		bool ended;

		lowest = binaryheap_empty(merge->open)
					 ? NULL
					 : (Cursor *) DatumGetPointer(binaryheap_first(merge->open));
		if (n < nextents && (lowest == NULL || extents[n].first_je_id <= lowest->je_id))
		{
			Cursor *cursor;

			if (merge->open->bh_size == MAX_OPEN)
				return false;
			cursor = take_up(merge, reader, &extents[n++], nblocks);
			if (advance(merge, cursor))
				binaryheap_add(merge->open, PointerGetDatum(cursor));
			else
				give_back(merge, cursor);
			continue;
		}
		if (!put_up_to(merge, lowest, limit_of(merge, n < nextents ? &extents[n] : NULL), &ended))
			return false;
		if (ended)
		{
			binaryheap_remove_first(merge->open);
			give_back(merge, lowest);
		}
		else
			binaryheap_replace_first(merge->open, PointerGetDatum(lowest));
	}
	return true;
}

bool
extent_merge(const PageReader *reader, BoundForm *form, MergedExtent *extents, int64 nextents,
			 SealRows *rows, MemoryContext row_context)
{
	TupleDesc tupdesc = RelationGetDescr(reader->rel);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "extent merge", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Merge merge = {.form = form, .tupdesc = tupdesc, .rows = rows, .row_context = row_context};
	bool in_order;

	merge.values = palloc_array(Datum, tupdesc->natts + 1);
	merge.isnull = palloc_array(bool, tupdesc->natts + 1);
	initStringInfo(&merge.row);
	merge.open = binaryheap_allocate(MAX_OPEN, compare_cursors, NULL);
	qsort(extents, nextents, sizeof(MergedExtent), compare_extents);
	in_order = merge_all(&merge, reader, extents, nextents);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return in_order;
}
