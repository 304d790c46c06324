/*
 * page_groups.h
 *		Rows of a new table kept together by month and two codes: lines by account
 *		and fund, headers by entity and basis.
 *
 * The rows of a group fill extents of their own in the table's file
 * (page_file.h). Posting then takes the extents in the order of the ledger's
 * index on these codes, which is built several times faster over rows that lie
 * in its order, and finds an account on few pages.
 *
 * Memory: an extent for each group, of MAX_GROUPS at most; rows of any further
 * group lie among the others'.
 *
 * Which extent holds which group is written nowhere: it is read back from the
 * first row of each, and whoever relies on it looks at the other rows, for a
 * superuser may have rewritten the table.
 */
#ifndef LEDGER_PAGE_GROUPS_H
#define LEDGER_PAGE_GROUPS_H

#include "common/code_map.h"
#include "table/page_file.h"

#include "utils/date.h"

typedef struct PageGroup
{
	CodeKey key; /* the two codes; the month */
	PageExtent extent;
} PageGroup;

typedef struct PageGroups
{
	PageFile *file;
	CodeMap map;
} PageGroups;

extern PageGroups *page_groups_open(PageFile *file);

/* The group of a month and two codes; NULL where there is no more room for groups. */
extern PageGroup *page_groups_find(PageGroups *groups, DateADT month, Code first, Code second);

static inline void
page_groups_put(PageGroups *groups, PageGroup *group, HeapTupleHeader row, uint32 size)
{
	page_file_put(groups->file, &group->extent, row, size);
}

/* Writes what is not yet written. */
extern void page_groups_close(PageGroups *groups);

/* An extent of a table, and its group by number in an ExtentMap. */
typedef struct GroupedExtent
{
	BlockNumber block; /* its first */
	int32 group;
} GroupedExtent;

/* The extents of a table by group. */
typedef struct ExtentMap
{
	int ngroups;
	CodeKey **groups; /* in the order of their numbers, then of their codes */
	int64 nextents;
	GroupedExtent *extents; /* in the order of their groups, then of blocks */
	int64 nloose;
	BlockNumber *loose; /* the first blocks of extents that are of no group */
} ExtentMap;

/* Sets a number and two codes for the group of the extent that begins with a block; false: it is of none. */
typedef bool (*ExtentGroup)(BlockNumber first, CodeKey *key, void *arg);

/* Asks for the group of each extent of a table of so many blocks. All lives in the current memory context. */
extern void page_groups_read(ExtentMap *map, BlockNumber nblocks, ExtentGroup group_of, void *arg);

#endif
