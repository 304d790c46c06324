/*
 * group_plan.h
 *		Extents of staging by group, as the processes that copy or seal them share
 *		them.
 *
 * A group has the lines of a month, account and fund. Processes take one group
 * after the other, the largest first, or one extent after the other.
 */
#ifndef LEDGER_GROUP_PLAN_H
#define LEDGER_GROUP_PLAN_H

#include "common/ledger_engine.h"

#include "common/parallel_work.h"
#include "table/page_file.h"

#include "storage/block.h"
#include "storage/sharedfileset.h"

/* The longest code that an account of a group may have; lines of longer ones go row by row. */
#define MAX_GROUP_CODE 100

/* An extent of staging whose rows are lines of one month, account and fund. */
typedef struct CopiedExtent
{
	int64 first_je_id; /* of its first line */
	BlockNumber from;
	BlockNumber to;
	int32 group;
	uint8 npages; /* that have rows, and any before them */
	bool left;    /* set where it was not copied: a row does not belong there */
	/* Of the lines that were copied: days of their month, from 0, and the last item of each page. */
	uint8 first_day;
	uint8 last_day;
	uint16 rows[EXTENT_PAGES];
} CopiedExtent;

/* The extents of a group, which follow each other. */
typedef struct CopiedGroup
{
	int64 first;
	int64 count;
	int32 month; /* of the run */
	int32 account_size;
	int32 fund_size;
	bool sealed; /* set where the seals have its sections */
	char account[MAX_GROUP_CODE];
	char fund[MAX_GROUP_CODE];
} CopiedGroup;

/* Lives in the memory that processes share. */
typedef struct GroupPlan GroupPlan;

extern Size group_plan_size(int ngroups, int64 nextents, int nprocesses);

/* Copies groups and extents of a table to a plan, for the processes of some work. */
extern void
group_plan_fill(GroupPlan *plan, ParallelWork *work, Oid table, const CopiedGroup *groups,
				int ngroups, const CopiedExtent *extents, int64 nextents);

extern Oid group_plan_table(const GroupPlan *plan);
extern CopiedExtent *group_plan_extents(GroupPlan *plan);

/* The groups, in the order of their months and codes. */
extern CopiedGroup *group_plan_groups(GroupPlan *plan);
extern int group_plan_count(const GroupPlan *plan);

/* The next group or extent, which is this process's; NULL: all are taken. A plan is used for groups or for extents. */
extern CopiedGroup *group_plan_next_group(GroupPlan *plan);
extern CopiedExtent *group_plan_next_extent(GroupPlan *plan);

/* What the processes set in groups and extents, once they are done. Extents may be NULL. */
extern void group_plan_read(const GroupPlan *plan, CopiedGroup *groups, CopiedExtent *extents);

/* The files by which processes leave to others what they made; NULL: this one is alone. A worker attaches to them first. */
extern SharedFileSet *group_plan_files(GroupPlan *plan);

/* How many sections a process left. */
extern int64 *group_plan_sections(GroupPlan *plan, int process);

#endif
