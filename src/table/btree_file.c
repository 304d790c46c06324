/*
 * btree_file.c
 *		Writing B-trees from entries in order (see btree_file.h).
 *
 * It follows the second half of nbtsort.c (15 to 18), from _bt_load() on: each
 * level has a page that is being filled; a page that is full goes to the file,
 * and its lowest key to the level above. Pages are logged and written by the
 * batch, and the file is synced as other new files are (new_file.h).
 */
#include "table/btree_file.h"

#include "common/columns.h"
#include "table/new_file.h"

#include "access/nbtree.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/bufpage.h"
#include "utils/lsyscache.h"

/* Pages that are logged and written together, and levels that an index can have. */
#define BATCH      32
#define MAX_LEVELS 16

/* A level has a second page while the first goes to the batch. */
#define PAGES (BATCH + 2 * MAX_LEVELS)

/* The codes of the engine need a tenth of it. */
#define MAX_ENTRY (BLCKSZ / 4)

/* BTPageState: a level's page that is being filled. */
typedef struct Level
{
	char *page; /* NULL: there is no such level yet */
	BlockNumber block;
	IndexTuple low_key; /* of the page, for the level above */
	OffsetNumber last;
	Size last_extra; /* of the last entry: its list of rows, which a high key does not have */
	Size full;       /* free space that ends a page */
} Level;

struct BtreeFile
{
	MemoryContext context;
	Relation index;
	NewFile file;
	BTScanInsert key;
	bool joins_equal;
	BlockNumber next;    /* block to be given to a page */
	BlockNumber nblocks; /* that the file has */
	Level levels[MAX_LEVELS];
	int nfree; /* pages that were written, to be used again */
	char *free[PAGES];
	int nready;
	char *ready[BATCH];
	BlockNumber blocks[BATCH];
};

/* Is a column of an index ordered upwards, as its type is by itself, and texts by their bytes? */
static bool
is_plain_order(Relation index, int i)
{
	Oid type = TupleDescAttr(RelationGetDescr(index), i)->atttypid;

	if (type != INT2OID && type != INT4OID && type != INT8OID && type != DATEOID &&
		(type != TEXTOID || index->rd_indcollation[i] != C_COLLATION_OID))
		return false;
	return index->rd_indoption[i] == 0 && index->rd_opcintype[i] == type &&
		   index->rd_opfamily[i] == get_opclass_family(GetDefaultOpClass(type, BTREE_AM_OID));
}

bool
btree_file_fits(Relation table, Relation index, const char *const *columns, int ncolumns)
{
	if (index->rd_rel->relam != BTREE_AM_OID || index->rd_index->indnatts != ncolumns ||
		index->rd_index->indnkeyatts != ncolumns || index->rd_index->indisexclusion ||
		RelationGetIndexExpressions(index) != NIL || RelationGetIndexPredicate(index) != NIL)
		return false;
	for (int i = 0; i < ncolumns; i++)
		if (index->rd_index->indkey.values[i] !=
				column_number(RelationGetDescr(table), columns[i]) ||
			!is_plain_order(index, i))
			return false;
	return true;
}

BtreeFile *
btree_file_open(Relation index)
{
	BtreeFile *file = palloc0_object(BtreeFile);

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
	file->context = CurrentMemoryContext;
	file->index = index;
	new_file_open(&file->file, index);
	file->key = _bt_mkscankey(index, NULL);
	file->key->allequalimage = _bt_allequalimage(index, false);
	file->joins_equal =
		file->key->allequalimage && !index->rd_index->indisunique && BTGetDeduplicateItems(index);
	file->next = BTREE_METAPAGE + 1;
	return file;
}

/* Writes the pages that are ready. */
static void
write_ready(BtreeFile *file)
{
	BlockNumber end = file->nblocks;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < file->nready; i++)
		end = Max(end, file->blocks[i] + 1);
	if (end > file->nblocks)
		new_file_grow(&file->file, file->nblocks, end);
	file->nblocks = end;
	new_file_write(&file->file, file->nready, file->blocks, file->ready);
	for (int i = 0; i < file->nready; i++)
		file->free[file->nfree++] = file->ready[i];
	file->nready = 0;
}

/* Takes a page that is complete. */
static void
put_page(BtreeFile *file, char *page, BlockNumber block)
{
	file->ready[file->nready] = page;
	file->blocks[file->nready++] = block;
	if (file->nready == BATCH)
		write_ready(file);
}

/* Room for a page. */
static char *
take_page(BtreeFile *file)
{
	MemoryContext old;
	char *page;

	if (file->nfree > 0)
		return file->free[--file->nfree];
	old = MemoryContextSwitchTo(file->context);
	page = new_file_alloc(1);
	MemoryContextSwitchTo(old);
	return page;
}

/* _bt_blnewpage(): the place of the high key appears to be used. */
static char *
new_page(BtreeFile *file, int level)
{
	char *page = take_page(file);
	BTPageOpaque opaque;

	_bt_pageinit((Page) page, BLCKSZ);
	opaque = BTPageGetOpaque((Page) page);
	opaque->btpo_prev = opaque->btpo_next = P_NONE;
	opaque->btpo_level = level;
	opaque->btpo_flags = level > 0 ? 0 : BTP_LEAF;
	opaque->btpo_cycleid = 0;
	((PageHeader) page)->pd_lower += sizeof(ItemIdData);
	return page;
}

/* _bt_pagestate() */
static void
begin_level(BtreeFile *file, int number)
{
	Level *level = &file->levels[number];

	if (number == MAX_LEVELS)
		elog(ERROR, "index \"%s\" has too many levels", RelationGetRelationName(file->index));
	level->page = new_page(file, number);
	level->block = file->next++;
	level->last = P_HIKEY;
	level->full = number > 0 ? BLCKSZ * (100 - BTREE_NONLEAF_FILLFACTOR) / 100
							 : BTGetTargetPageFreeSpace(file->index);
}

/* An entry that is below all others, as each level's first one is. */
static IndexTuple
make_lowest(void)
{
	IndexTuple lowest = palloc0(sizeof(IndexTupleData));

	lowest->t_info = sizeof(IndexTupleData);
	BTreeTupleSetNAtts(lowest, 0, false);
	return lowest;
}

/* PageAddItemExtended() at the end of a page that has room. */
static inline void
place_entry(char *page, OffsetNumber offset, const void *entry, Size size)
{
	PageHeader header = (PageHeader) page;

	Assert(offset == PageGetMaxOffsetNumber((Page) page) + 1);
	header->pd_upper -= MAXALIGN(size);
	header->pd_lower += sizeof(ItemIdData);
	Assert(header->pd_lower <= header->pd_upper);
	memcpy(page + header->pd_upper, entry, size);
	ItemIdSetNormal(PageGetItemId((Page) page, offset), header->pd_upper, size);
}

/* _bt_sortaddtup(): the first entry of a page above the leaves has no key. */
static inline void
place_first(char *page, IndexTuple entry, Size size, bool is_leaf)
{
	IndexTupleData lowest;

	if (is_leaf)
	{
		place_entry(page, P_FIRSTKEY, entry, size);
		return;
	}
	lowest = *entry;
	lowest.t_info = sizeof(IndexTupleData);
	BTreeTupleSetNAtts(&lowest, 0, false);
	place_entry(page, P_FIRSTKEY, &lowest, sizeof(IndexTupleData));
}

static void add_entry(BtreeFile *file, int number, IndexTuple entry, Size extra);

/* Puts a link to a level's page, by its lowest key, to the level above. */
static void
link_page(BtreeFile *file, int number, BlockNumber block)
{
	Level *level = &file->levels[number];

	if (level[1].page == NULL)
		begin_level(file, number + 1);
	BTreeTupleSetDownLink(level->low_key, block);
	add_entry(file, number + 1, level->low_key, 0);
	pfree(level->low_key);
	level->low_key = NULL;
}

/* Ends a level's page, whose last entry begins the next one: that entry, less what need not be known, is its high key. */
static void
next_page(BtreeFile *file, int number)
{
	Level *level = &file->levels[number];
	Page page = (Page) level->page;
	BlockNumber block = level->block;
	char *next = new_page(file, number);
	ItemId last = PageGetItemId(page, level->last);
	ItemId high = PageGetItemId(page, P_HIKEY);
	IndexTuple entry = (IndexTuple) PageGetItem(page, last);

	level->block = file->next++;
	place_first(next, entry, ItemIdGetLength(last), number == 0);
	*high = *last;
	ItemIdSetUnused(last);
	((PageHeader) page)->pd_lower -= sizeof(ItemIdData);
	if (number == 0)
	{
		IndexTuple last_left =
			(IndexTuple) PageGetItem(page, PageGetItemId(page, OffsetNumberPrev(level->last)));
		IndexTuple truncated = _bt_truncate(file->index, last_left, entry, file->key);

		if (!PageIndexTupleOverwrite(page, P_HIKEY, (Item) truncated, IndexTupleSize(truncated)))
			elog(ERROR, "failed to add high key to the index page");
		pfree(truncated);
		entry = (IndexTuple) PageGetItem(page, PageGetItemId(page, P_HIKEY));
	}
	link_page(file, number, block);
	level->low_key = CopyIndexTuple(entry);
	BTPageGetOpaque(page)->btpo_next = level->block;
	BTPageGetOpaque((Page) next)->btpo_prev = block;
	put_page(file, (char *) page, block);
	level->page = next;
	level->last = P_FIRSTKEY;
}

/* _bt_buildadd() */
static void
add_entry(BtreeFile *file, int number, IndexTuple entry, Size extra)
{
	Level *level = &file->levels[number];
	Size size = MAXALIGN(IndexTupleSize(entry));
	Size room = PageGetFreeSpace((Page) level->page);
	Size last_extra = level->last_extra;

	level->last_extra = extra;
	/* A leaf keeps room for the number of a row, which a high key may need. */
	if (room < size + (number == 0 ? MAXALIGN(sizeof(ItemPointerData)) : 0) ||
		(room + last_extra < level->full && level->last > P_FIRSTKEY))
		next_page(file, number);
	if (level->last == P_HIKEY)
	{
		level->low_key = make_lowest();
		place_first(level->page, entry, size, number == 0);
	}
	else
		place_entry(level->page, level->last + 1, entry, size);
	level->last++;
}

void
btree_file_add(BtreeFile *file, IndexTuple entry)
{
	Size size = IndexTupleSize(entry);

	if (unlikely(size > MAX_ENTRY))
		elog(ERROR, "index row size %zu exceeds maximum %d for index \"%s\"", size, MAX_ENTRY,
			 RelationGetRelationName(file->index));
	if (unlikely(file->levels[0].page == NULL))
		begin_level(file, 0);
	add_entry(file, 0, entry,
			  BTreeTupleIsPosting(entry) ? size - BTreeTupleGetPostingOffset(entry) : 0);
}

int
btree_file_most_rows(const BtreeFile *file, IndexTuple entry)
{
	/* As _bt_load() has it. */
	Size most = MAXALIGN_DOWN((BLCKSZ * 10 / 100)) - sizeof(ItemIdData);
	Size size = MAXALIGN(IndexTupleSize(entry));

	if (!file->joins_equal || size + 2 * sizeof(ItemPointerData) > MAXALIGN_DOWN(most))
		return 1;
	return (MAXALIGN_DOWN(most) - size) / sizeof(ItemPointerData);
}

void
btree_file_add_rows(BtreeFile *file, IndexTuple entry, ItemPointer rows, int nrows)
{
	IndexTuple posting;

	Assert(nrows >= 1 && nrows <= btree_file_most_rows(file, entry));
	if (nrows == 1)
	{
		entry->t_tid = rows[0];
		btree_file_add(file, entry);
		return;
	}
	posting = _bt_form_posting(entry, rows, nrows);
	btree_file_add(file, posting);
	pfree(posting);
}

/* _bt_slideleft(): the rightmost page of a level has no high key. */
static void
remove_high_key(Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	for (OffsetNumber i = P_FIRSTKEY; i <= last; i++)
		*PageGetItemId(page, i - 1) = *PageGetItemId(page, i);
	((PageHeader) page)->pd_lower -= sizeof(ItemIdData);
}

void
btree_file_close(BtreeFile *file)
{
	BlockNumber root = P_NONE;
	int root_level = 0;
	char *meta;

	/* _bt_uppershutdown() */
	for (int i = 0; i < MAX_LEVELS && file->levels[i].page != NULL; i++)
	{
		Level *level = &file->levels[i];
		Page page = (Page) level->page;

		if (i + 1 == MAX_LEVELS || level[1].page == NULL)
		{
			BTPageGetOpaque(page)->btpo_flags |= BTP_ROOT;
			root = level->block;
			root_level = i;
		}
		else
			link_page(file, i, level->block);
		remove_high_key(page);
		put_page(file, level->page, level->block);
	}
	if (file->nready > 0)
		write_ready(file);
	meta = take_page(file);
	_bt_initmetapage((Page) meta, root, root_level, file->key->allequalimage);
	put_page(file, meta, BTREE_METAPAGE);
	write_ready(file);
	new_file_sync(&file->file);
	pfree(file->key);
}
