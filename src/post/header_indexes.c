/*
 * header_indexes.c
 *		Filling the indexes of headers (see header_indexes.h).
 */
#include "post/header_indexes.h"

#include "table/brin_ranges.h"
#include "table/btree_file.h"
#include "table/index_keys.h"

#include "access/genam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* YYYYMM-, nine digits */
#define NUMBER_LENGTH 16

/* The longest code of a book whose order is followed. */
#define MAX_CODE 100

/* Headers that fit a block of staging, at the most that is likely. */
#define BLOCK_HEADERS 64

typedef enum HeaderIndex
{
	INDEX_ON_KEY,    /* je_id, je_number, je_date */
	INDEX_ON_NUMBER, /* entity_code, basis, je_number */
	INDEX_ON_DATE,   /* a summary */
	HEADER_INDEXES
} HeaderIndex;

static const char *const key_columns[] = {"je_id", "je_number", "je_date"};
static const char *const number_columns[] = {"entity_code", "basis", "je_number"};

/* The days of a page's headers, from 0. */
typedef struct PageDays
{
	BlockNumber block;
	uint8 first;
	uint8 last;
} PageDays;

struct HeaderIndexes
{
	const Post *post;
	const LedgerMonth *month;
	BulkWriter *writer;
	MemoryContext context;
	MemoryContext entry_context; /* of one entry */
	Oid indexes[HEADER_INDEXES]; /* InvalidOid: left to the server */
	bool spoiled;                /* a header came out of order, or is not where it can be told */
	int64 count;
	IndexKeys *keys;
	Relation number_index;
	BtreeFile *numbers;
	/* The last header's book and number. */
	int entity_size;
	int basis_size;
	char entity[MAX_CODE];
	char basis[MAX_CODE];
	int number;
	PageDays *pages;
	int64 npages;
	int64 max_pages;
};

static bool
is_header_index(Relation table, Relation index, int which)
{
	switch (which)
	{
		case INDEX_ON_KEY:
			return btree_file_fits(table, index, key_columns, lengthof(key_columns));
		case INDEX_ON_NUMBER:
			return btree_file_fits(table, index, number_columns, lengthof(number_columns));
		default:
			return brin_ranges_fit(table, index, key_columns[2]);
	}
}

HeaderIndexes *
header_indexes_open(const Post *post, const LedgerMonth *month, BulkWriter *writer,
					BlockNumber nblocks)
{
	HeaderIndexes *indexes = palloc0_object(HeaderIndexes);
	int64 nkeys = (int64) nblocks * BLOCK_HEADERS;

	indexes->post = post;
	indexes->month = month;
	indexes->writer = writer;
	if (bulk_writer_sink(writer) != BULK_TO_PAGES || !bulk_writer_leaves_indexes(writer) ||
		post->first_je_id >= post->end_je_id ||
		!index_builds_claim(bulk_writer_relation(writer), indexes->indexes, HEADER_INDEXES,
							is_header_index))
		return NULL;
	CommandCounterIncrement();
	if (OidIsValid(indexes->indexes[INDEX_ON_KEY]))
		indexes->keys = index_keys_open(index_keys_bits(nkeys, Min(nkeys, PG_INT32_MAX)), NULL, "");
	if (OidIsValid(indexes->indexes[INDEX_ON_NUMBER]))
	{
		indexes->number_index = index_open(indexes->indexes[INDEX_ON_NUMBER], NoLock);
		indexes->numbers = btree_file_open(indexes->number_index);
	}
	indexes->context =
		AllocSetContextCreate(CurrentMemoryContext, "indexes of headers", ALLOCSET_DEFAULT_SIZES);
	indexes->entry_context =
		AllocSetContextCreate(indexes->context, "entry of an index", ALLOCSET_SMALL_SIZES);
	return indexes;
}

/* Keeps the first and the last day of each page, whose rows come one after the other. */
static void
note_day(HeaderIndexes *indexes, BlockNumber block, int day)
{
	PageDays *page = indexes->npages > 0 ? &indexes->pages[indexes->npages - 1] : NULL;

	if (page != NULL && page->block == block)
	{
		page->first = Min(page->first, day);
		page->last = Max(page->last, day);
		return;
	}
	if (indexes->npages == indexes->max_pages)
	{
		indexes->max_pages = Max(indexes->max_pages * 2, 1024);
		indexes->pages =
			indexes->pages == NULL
				? MemoryContextAlloc(indexes->context, indexes->max_pages * sizeof(PageDays))
				: repalloc_huge(indexes->pages, indexes->max_pages * sizeof(PageDays));
	}
	page = &indexes->pages[indexes->npages++];
	page->block = block;
	page->first = page->last = day;
}

static void
keep_code(char *kept, int *size, Code code)
{
	*size = code.len;
	memcpy(kept, code.data, code.len);
}

/* Does a journal follow the one before it in the order of books and numbers? */
static bool
follows(HeaderIndexes *indexes, Code entity, Code basis, int number)
{
	Code last_entity = {indexes->entity, indexes->entity_size};
	Code last_basis = {indexes->basis, indexes->basis_size};
	int by_code = indexes->count == 0 ? 1 : code_compare(entity, last_entity);

	if (by_code == 0)
		by_code = code_compare(basis, last_basis);
	if (by_code == 0)
	{
		bool above = number > indexes->number;

		indexes->number = number;
		return above;
	}
	if (entity.len > MAX_CODE || basis.len > MAX_CODE)
		return false;
	keep_code(indexes->entity, &indexes->entity_size, entity);
	keep_code(indexes->basis, &indexes->basis_size, basis);
	indexes->number = number;
	return by_code > 0;
}

static void
add_number(HeaderIndexes *indexes, ItemPointer place, Datum entity, Datum basis, Datum je_number)
{
	MemoryContext old = MemoryContextSwitchTo(indexes->entry_context);
	Datum values[] = {entity, basis, je_number};
	bool isnull[lengthof(values)] = {false};
	IndexTuple entry = index_form_tuple(RelationGetDescr(indexes->number_index), values, isnull);

	entry->t_tid = *place;
	/* The file keeps what it needs. */
	MemoryContextSwitchTo(indexes->context);
	btree_file_add(indexes->numbers, entry);
	MemoryContextSwitchTo(old);
	MemoryContextReset(indexes->entry_context);
}

void
header_indexes_add(HeaderIndexes *indexes, int64 je_id, DateADT je_date, int number, Datum entity,
				   Datum basis, Datum je_number)
{
	int day = je_date - indexes->month->first_day;
	ItemPointerData place;

	if (indexes->spoiled)
		return;
	if (!post_owns(indexes->post, je_id) || !bulk_writer_last_place(indexes->writer, &place) ||
		!follows(indexes, code_from_datum(entity), code_from_datum(basis), number))
	{
		indexes->spoiled = true;
		return;
	}
	note_day(indexes, ItemPointerGetBlockNumber(&place), day);
	if (indexes->numbers != NULL)
		add_number(indexes, &place, entity, basis, je_number);
	if (indexes->keys != NULL)
	{
		IndexKey key = {je_id - indexes->post->first_je_id, number,
						ItemPointerGetBlockNumber(&place), ItemPointerGetOffsetNumber(&place), day};

		index_keys_put(indexes->keys, &key);
	}
	indexes->count++;
}

/* An entry of the index on the key, as the server stores it: the number is a text with a length of one byte. */
typedef struct KeyEntry
{
	IndexTupleData start;
	int64 je_id;
	char number_size;
	char number[NUMBER_LENGTH];
	int32 je_date;
} KeyEntry;

/* What takes keys in order. */
typedef struct KeyFill
{
	const HeaderIndexes *indexes;
	BtreeFile *file;
	KeyEntry entry;
	int64 count;
} KeyFill;

static void
take_key(const IndexKey *key, void *arg)
{
	KeyFill *fill = arg;
	uint32 number = key->minor;

	ItemPointerSet(&fill->entry.start.t_tid, key->block, key->offset);
	fill->entry.je_id = fill->indexes->post->first_je_id + key->major;
	for (char *digit = fill->entry.number + NUMBER_LENGTH - 1; *digit != '-'; digit--)
	{
		*digit = '0' + number % 10;
		number /= 10;
	}
	fill->entry.je_date = fill->indexes->month->first_day + key->day;
	btree_file_add(fill->file, &fill->entry.start);
	fill->count++;
}

/* The number of entries; -1 where they are not to be put in order. */
static double
fill_key(HeaderIndexes *indexes)
{
	Relation index = index_open(indexes->indexes[INDEX_ON_KEY], NoLock);
	KeyFill fill = {.indexes = indexes, .file = btree_file_open(index)};
	int64 max_keys = maintenance_work_mem * (int64) 1024 / (2 * sizeof(IndexKey));
	bool filled;

	StaticAssertStmt(offsetof(KeyEntry, je_date) + sizeof(int32) == sizeof(KeyEntry),
					 "an entry has no gap at its end");
	fill.entry.start.t_info = sizeof(KeyEntry) | INDEX_VAR_MASK;
	SET_VARSIZE_SHORT(&fill.entry.number_size, VARHDRSZ_SHORT + NUMBER_LENGTH);
	snprintf(fill.entry.number, NUMBER_LENGTH, "%06d-", indexes->month->yyyymm);
	index_keys_end(indexes->keys);
	filled = index_keys_each(&indexes->keys, 1, max_keys, take_key, &fill);
	if (filled)
		btree_file_close(fill.file);
	index_close(index, NoLock);
	return filled ? fill.count : -1;
}

/* As brin_ranges_fill() asks. */
static double
each_page(TakeRange take, void *taker, void *arg)
{
	const HeaderIndexes *indexes = arg;

	for (int64 i = 0; i < indexes->npages; i++)
		take(taker, indexes->pages[i].block,
			 DateADTGetDatum(indexes->month->first_day + indexes->pages[i].first),
			 DateADTGetDatum(indexes->month->first_day + indexes->pages[i].last));
	return indexes->count;
}

static double
fill_dates(HeaderIndexes *indexes)
{
	Relation index = index_open(indexes->indexes[INDEX_ON_DATE], NoLock);
	double rows;
	double entries =
		brin_ranges_fill(bulk_writer_relation(indexes->writer), index, each_page, indexes, &rows);

	index_close(index, NoLock);
	return rows == indexes->count ? entries : -1;
}

static void
fill_all(HeaderIndexes *indexes, double entries[HEADER_INDEXES])
{
	if (indexes->numbers != NULL)
	{
		btree_file_close(indexes->numbers);
		entries[INDEX_ON_NUMBER] = indexes->count;
	}
	if (indexes->keys != NULL)
		entries[INDEX_ON_KEY] = fill_key(indexes);
	if (OidIsValid(indexes->indexes[INDEX_ON_DATE]))
		entries[INDEX_ON_DATE] = fill_dates(indexes);
}

void
header_indexes_close(HeaderIndexes *indexes, IndexBuilds *builds)
{
	MemoryContext old = MemoryContextSwitchTo(indexes->context);
	double entries[HEADER_INDEXES] = {-1, -1, -1};

	if (!indexes->spoiled)
		fill_all(indexes, entries);
	if (indexes->number_index != NULL)
		index_close(indexes->number_index, NoLock);
	if (indexes->keys != NULL)
		index_keys_close(indexes->keys);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(indexes->context);
	for (int which = 0; which < HEADER_INDEXES; which++)
		if (entries[which] >= 0)
			index_builds_filled(builds, indexes->indexes[which], entries[which]);
}
