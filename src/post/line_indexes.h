/*
 * line_indexes.h
 *		Indexes of the run's own partitions, filled from what is known of their lines
 *		once these are copied.
 *
 * The server's builders read the table once for each index, and sort. But each
 * process knows the key and the place of a line when it copies it, groups are in
 * the order of the index on account and fund, and an extent has few days. Where
 * an index is as the engine makes it, its entries come from these. It is left to
 * the server where a site made it otherwise, or where a line was not copied.
 */
#ifndef LEDGER_LINE_INDEXES_H
#define LEDGER_LINE_INDEXES_H

#include "post/group_plan.h"
#include "table/index_keys.h"

#include "utils/date.h"
#include "utils/rel.h"

typedef enum LineIndex
{
	INDEX_ON_KEY,     /* je_id, line_no, je_date */
	INDEX_ON_ACCOUNT, /* account_code, fund */
	INDEX_ON_DATE,    /* a summary */
	LINE_INDEXES
} LineIndex;

/* The indexes of a month's partition. All processes see it. */
typedef struct MonthIndexes
{
	Oid partition;
	DateADT first_day;
	int64 first_je_id;         /* of the run */
	Oid indexes[LINE_INDEXES]; /* InvalidOid: left to the server */
	double rows[LINE_INDEXES]; /* of the table, once an index is filled; before: -1 */
	double entries[LINE_INDEXES];
	int slice_bits;
	bool spoiled; /* set where a line was not copied, or places on a page are empty */
} MonthIndexes;

/* Finds the indexes of a new partition that can be filled, and gives them empty files. Lines come to so many extents, with journals below a limit. */
extern void
line_indexes_claim(MonthIndexes *indexes, Relation partition, int64 nextents, uint32 limit);

/* The keys that a process notes of a month; NULL: none are needed. */
extern IndexKeys *line_indexes_keys(const MonthIndexes *indexes, int month, GroupPlan *plan);

/* Notes a line that is copied: the one at an item of a page of its extent. */
static inline void
line_indexes_note(MonthIndexes *indexes, IndexKeys *keys, CopiedExtent *extent, int page,
				  OffsetNumber item, int64 je_id, int line_no, DateADT je_date)
{
	uint8 day = je_date - indexes->first_day;

	if (unlikely(item != extent->rows[page] + 1))
		indexes->spoiled = true;
	extent->rows[page] = item;
	extent->first_day = Min(extent->first_day, day);
	extent->last_day = Max(extent->last_day, day);
	if (keys != NULL)
	{
		IndexKey key = {je_id - indexes->first_je_id, line_no - PG_INT16_MIN, extent->to + page,
						item, day};

		index_keys_put(keys, &key);
	}
}

/*
 * Fills an index, once all processes have copied; keys are this process's own. Where what is known does not make an index (a key
 * comes twice), it stays unfilled.
 */
extern void line_indexes_fill(MonthIndexes *indexes, int month, LineIndex which, GroupPlan *plan,
							  IndexKeys *keys, int nprocesses);

#endif
