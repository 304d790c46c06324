/*
 * line_seals.h
 *		Seals the lines of extents, group by group.
 *
 * A group has the lines of a month, account and fund. Its extents are merged to
 * the order of lines, so that its sections are complete without a sort.
 */
#ifndef LEDGER_LINE_SEALS_H
#define LEDGER_LINE_SEALS_H

#include "post/copied_extent.h"
#include "post/post_seals.h"
#include "seal/extent_merge.h"

/* What a process seals. */
typedef struct LineSealer LineSealer;

extern LineSealer *line_sealer_open(Relation rel, Hasher *hasher, Spool *spool);

/*
 * Seals the extents of a group (number is their place among all); false where their lines are not in order, or an extent was not
 * accepted. The source says what else is done with lines.
 */
extern bool line_sealer_add(LineSealer *sealer, ExtentSource *source, const CopiedExtent *extents,
							int64 first, int64 count);

/* The sections (SectionRecord). */
extern List *line_sealer_close(LineSealer *sealer);

/* A worker's spool, and how it leaves its sections to the leader: their number. */
extern Spool *line_seals_spool(SharedFileSet *files);
extern int64 line_seals_leave(SharedFileSet *files, Spool *spool, List *sections);

/* Takes the sections that a worker left. */
extern void line_seals_take(PostSeals *seals, SharedFileSet *files, int process, int64 count);

/* Numbers of groups, the largest first. */
extern void line_seals_order(const CopiedGroup *groups, int ngroups, int32 *order);

/* Seals groups of a table that are not sealed yet, as far as their lines are in order. Extents that were left are left out. */
extern void line_seals_add(PostSeals *seals, Relation rel, CopiedGroup *groups, int ngroups,
						   const CopiedExtent *extents, int64 nextents);

#endif
