/*
 * line_seals.h
 *		Seals the lines that are copied by page, by several processes where there
 *		are workers.
 */
#ifndef LEDGER_LINE_SEALS_H
#define LEDGER_LINE_SEALS_H

#include "post/post_seals.h"
#include "seal/extent_merge.h"

/* The extents of a month, account and fund. */
typedef struct SealedGroup
{
	int64 first; /* of its extents */
	int64 count;
	bool sealed; /* set where its sections were given to the seals */
} SealedGroup;

/* Seals groups of extents of a table, as far as their rows are in order. */
extern void line_seals_add(PostSeals *seals, Relation rel, SealedGroup *groups, int ngroups,
						   MergedExtent *extents, int64 nextents);

#endif
