/*
 * line_copy.h
 *		Copies extents of staging to partitions of the run's own as they are, by
 *		several processes where there are workers.
 *
 * Each line is checked to belong there, added up and digested on the way.
 * Where processes can share the groups evenly, each copies one group after the
 * other in the order of its lines, and seals them on the way, too. Else they
 * take one extent after the other, and line_seals_add() seals the lines later.
 * Once all is copied, the processes fill indexes (line_indexes.h).
 */
#ifndef LEDGER_LINE_COPY_H
#define LEDGER_LINE_COPY_H

#include "post/group_plan.h"
#include "post/post_run.h"
#include "table/page_groups.h"

typedef struct LineCopy LineCopy;

/* Groups by the number of the month, account and fund; files of the months' partitions, NULL where nothing is copied. */
extern LineCopy *line_copy_open(Post *post, Relation staging, const ExtentMap *map,
								CopiedExtent *extents, CopiedGroup *groups, PageFile **files);

/* Starts workers. Between this and line_copy_run() the leader can do what parallel mode allows. */
extern void line_copy_launch(LineCopy *copy);

/* Copies until all is copied, and waits for the workers. Adds the sums to the months, and sets what extents and groups say. */
extern void line_copy_run(LineCopy *copy);

/* Says which indexes need not be built: those of partitions all of whose lines were copied, filled on the way. */
extern void line_copy_tell_indexes(LineCopy *copy, IndexBuilds *builds);

/* False for a row that is older than a column of its table: the column's value is known to that table alone. */
extern bool has_all_columns(HeapTuple tuple, Relation rel);

#endif
