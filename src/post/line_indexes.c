/*
 * line_indexes.c
 *		Filling the indexes of lines (see line_indexes.h).
 */
#include "post/line_indexes.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "ledger/line_layout.h"
#include "table/brin_ranges.h"
#include "table/btree_file.h"
#include "table/index_builds.h"
#include "table/page_file.h"

#include "access/genam.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Lines that fit an extent, at the most that is likely. */
#define EXTENT_LINES 256

/* An entry of the index on the key, as the server stores it. */
typedef struct KeyEntry
{
	IndexTupleData start;
	int64 je_id;
	int16 line_no;
	int32 je_date;
} KeyEntry;

/* The columns of each index. */
static const int columns_of[LINE_INDEXES][3] = {{LINE_JE_ID, LINE_LINE_NO, LINE_JE_DATE},
												{LINE_ACCOUNT, LINE_FUND, -1},
												{LINE_JE_DATE, -1, -1}};

static bool
is_line_index(Relation partition, Relation index, int which)
{
	const char *names[3];
	int count = 0;

	while (count < 3 && columns_of[which][count] >= 0)
	{
		names[count] = line_columns[columns_of[which][count]];
		count++;
	}
	if (which == INDEX_ON_DATE)
		return brin_ranges_fit(partition, index, names[0]);
	/* Whether the key is unique shows when it is filled; an account has many lines. */
	return btree_file_fits(partition, index, names, count) &&
		   (which == INDEX_ON_KEY || !index->rd_index->indisunique);
}

void
line_indexes_claim(MonthIndexes *indexes, Relation partition, int64 nextents, uint32 limit)
{
	indexes->partition = RelationGetRelid(partition);
	indexes->slice_bits = index_keys_bits(nextents * EXTENT_LINES, limit);
	index_builds_claim(partition, indexes->indexes, LINE_INDEXES, is_line_index);
	for (int which = 0; which < LINE_INDEXES; which++)
		indexes->rows[which] = -1;
}

static char *
keys_name(int month, int process)
{
	return psprintf("keys.%d.%d", month, process);
}

IndexKeys *
line_indexes_keys(const MonthIndexes *indexes, int month, GroupPlan *plan)
{
	if (!OidIsValid(indexes->indexes[INDEX_ON_KEY]))
		return NULL;
	return index_keys_open(indexes->slice_bits, group_plan_files(plan),
						   keys_name(month, parallel_work_process()));
}

/* What takes keys in order. */
typedef struct KeyFill
{
	const MonthIndexes *indexes;
	BtreeFile *file;
	KeyEntry entry;
	int64 count;
} KeyFill;

static void
take_key(const IndexKey *key, void *arg)
{
	KeyFill *fill = arg;

	ItemPointerSet(&fill->entry.start.t_tid, key->block, key->offset);
	fill->entry.je_id = fill->indexes->first_je_id + key->major;
	fill->entry.line_no = (int) key->minor + PG_INT16_MIN;
	fill->entry.je_date = fill->indexes->first_day + key->day;
	btree_file_add(fill->file, &fill->entry.start);
	fill->count++;
}

/* The number of entries; -1 where they are not to be put in order. */
static double
fill_key(const MonthIndexes *indexes, Relation index, IndexKeys **keys, int nprocesses)
{
	KeyFill fill = {.indexes = indexes, .file = btree_file_open(index)};
	int64 max_keys = maintenance_work_mem * (int64) 1024 / nprocesses / (2 * sizeof(IndexKey));

	StaticAssertStmt(offsetof(KeyEntry, je_date) + sizeof(int32) == 24,
					 "entries have no gap at their end");
	fill.entry.start.t_info = sizeof(KeyEntry);
	if (!index_keys_each(keys, nprocesses, max_keys, take_key, &fill))
		return -1;
	CRASH_POINT("post_filling_index");
	btree_file_close(fill.file);
	return fill.count;
}

/* The keys that all processes noted; own ones where it is this process alone. */
static double
fill_key_of_all(const MonthIndexes *indexes, Relation index, int month, GroupPlan *plan,
				IndexKeys *own, int nprocesses)
{
	SharedFileSet *set = group_plan_files(plan);
	IndexKeys **keys = palloc0_array(IndexKeys *, nprocesses);
	double count;

	for (int i = 0; i < nprocesses; i++)
		keys[i] =
			set == NULL ? own : index_keys_attach(indexes->slice_bits, set, keys_name(month, i));
	Assert(set != NULL || nprocesses == 1);
	count = fill_key(indexes, index, keys, nprocesses);
	for (int i = 0; i < nprocesses && set != NULL; i++)
		if (keys[i] != NULL)
			index_keys_close(keys[i]);
	return count;
}

/* Rows of a group, whose entries are put together as far as the index does so. */
typedef struct AccountFill
{
	BtreeFile *file;
	IndexTuple base;
	ItemPointerData *rows;
	int nrows;
	int max_rows;
	int64 count;
} AccountFill;

static void
put_rows(AccountFill *fill)
{
	if (fill->nrows > 0)
		btree_file_add_rows(fill->file, fill->base, fill->rows, fill->nrows);
	fill->count += fill->nrows;
	fill->nrows = 0;
}

static void
fill_group(AccountFill *fill, const CopiedExtent *extents, const CopiedGroup *group)
{
	for (int64 i = group->first; i < group->first + group->count; i++)
		for (int page = 0; page < EXTENT_PAGES; page++)
			for (OffsetNumber item = FirstOffsetNumber; item <= extents[i].rows[page]; item++)
			{
				if (fill->nrows == fill->max_rows)
					put_rows(fill);
				ItemPointerSet(&fill->rows[fill->nrows], extents[i].to + page, item);
				fill->nrows++;
			}
	put_rows(fill);
}

/* Groups are in the order of account and fund, and extents of a group in that of their blocks. */
static double
fill_accounts(Relation index, int month, GroupPlan *plan)
{
	AccountFill fill = {.file = btree_file_open(index)};
	CopiedGroup *groups = group_plan_groups(plan);

	for (int i = 0; i < group_plan_count(plan); i++)
	{
		CopiedGroup *group = &groups[i];
		Datum values[2];
		bool isnull[2] = {false, false};

		if (group->month != month)
			continue;
		CHECK_FOR_INTERRUPTS();
		values[0] = PointerGetDatum(cstring_to_text_with_len(group->account, group->account_size));
		values[1] = PointerGetDatum(cstring_to_text_with_len(group->fund, group->fund_size));
		fill.base = index_form_tuple(RelationGetDescr(index), values, isnull);
		fill.max_rows = btree_file_most_rows(fill.file, fill.base);
		fill.rows = palloc_array(ItemPointerData, fill.max_rows);
		fill_group(&fill, group_plan_extents(plan), group);
	}
	btree_file_close(fill.file);
	return fill.count;
}

typedef struct DateFill
{
	const MonthIndexes *indexes;
	int month;
	GroupPlan *plan;
} DateFill;

/* The first and the last day of each extent, which summaries are made of. */
static double
each_day(TakeRange take, void *taker, void *arg)
{
	DateFill *fill = arg;
	CopiedGroup *groups = group_plan_groups(fill->plan);
	CopiedExtent *extents = group_plan_extents(fill->plan);
	double count = 0;

	for (int i = 0; i < group_plan_count(fill->plan); i++)
		for (int64 n = groups[i].first;
			 groups[i].month == fill->month && n < groups[i].first + groups[i].count; n++)
			for (int page = 0; page < EXTENT_PAGES; page++)
				if (extents[n].rows[page] > 0)
				{
					take(taker, extents[n].to + page,
						 DateADTGetDatum(fill->indexes->first_day + extents[n].first_day),
						 DateADTGetDatum(fill->indexes->first_day + extents[n].last_day));
					count += extents[n].rows[page];
				}
	return count;
}

void
line_indexes_fill(MonthIndexes *indexes, int month, LineIndex which, GroupPlan *plan,
				  IndexKeys *keys, int nprocesses)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "index of lines", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Relation partition = table_open(indexes->partition, AccessShareLock);
	Relation index = index_open(indexes->indexes[which], RowExclusiveLock);
	DateFill days = {indexes, month, plan};

	switch (which)
	{
		case INDEX_ON_KEY:
			indexes->rows[which] = indexes->entries[which] =
				fill_key_of_all(indexes, index, month, plan, keys, nprocesses);
			break;
		case INDEX_ON_ACCOUNT:
			indexes->rows[which] = indexes->entries[which] = fill_accounts(index, month, plan);
			break;
		default:
			indexes->entries[which] =
				brin_ranges_fill(partition, index, each_day, &days, &indexes->rows[which]);
			break;
	}
	index_close(index, NoLock);
	table_close(partition, NoLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
