/*
 * line_seals.h
 *		Seals the lines of extents, group by group.
 *
 * A group has the lines of a month, account and fund. Its extents are merged to
 * the order of lines, so that its sections are complete without a sort.
 */
#ifndef LEDGER_LINE_SEALS_H
#define LEDGER_LINE_SEALS_H

#include "post/group_plan.h"
#include "post/post_seals.h"
#include "seal/extent_merge.h"

/*
 * Takes groups and seals those that are not sealed yet, as far as their lines are in order and no extent is left out: the sections.
 * The source has the readers, and says what else is done with lines. The number of an extent is its place among those of the plan.
 */
extern List *line_seals_groups(GroupPlan *plan, ExtentSource *source, Hasher *hasher, Spool *spool);

/* The same in a worker, which leaves its sections to the leader. */
extern void line_seals_groups_by_worker(GroupPlan *plan, ExtentSource *source);

/* Takes the sections that so many workers left. */
extern void line_seals_take(PostSeals *seals, GroupPlan *plan, int nworkers);

/* Seals groups of a table that are not sealed yet, by several processes where there are workers. Extents that were left are left out. */
extern void line_seals_add(PostSeals *seals, Relation rel, CopiedGroup *groups, int ngroups,
						   const CopiedExtent *extents, int64 nextents);

#endif
