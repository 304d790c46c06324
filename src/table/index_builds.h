/*
 * index_builds.h
 *		The indexes of tables that this transaction made and filled, built at the
 *		end and all at the same time.
 *
 * REINDEX builds one after the other. With workers it shares out the sort of
 * one index, but one process merges and writes it, and the others wait. Here
 * each index is built by one process with the server's own builder, and
 * processes take the next one when they are done.
 */
#ifndef LEDGER_INDEX_BUILDS_H
#define LEDGER_INDEX_BUILDS_H

#include "common/ledger_engine.h"

#include "utils/rel.h"

/* Indexes left to be built. All zero: none. */
typedef struct IndexBuilds
{
	List *indexes; /* PendingIndex */
	List *filled;  /* FilledIndex */
} IndexBuilds;

/* Is this index of a table the which-th of those that the caller fills? */
typedef bool (*IsOwnIndex)(Relation table, Relation index, int which);

/*
 * Takes the indexes of a new table that the caller fills, and gives each an empty file. indexes has count places, all of them
 * InvalidOid before; what stays so is left to be built. True where there are any.
 */
extern bool index_builds_claim(Relation table, Oid *indexes, int count, IsOwnIndex is_own);

/* An index was filled otherwise, with so many entries: it is not built. To be said before index_builds_add(). */
extern void index_builds_filled(IndexBuilds *builds, Oid index, double entries);

/* Leaves the indexes of a table of so many rows to be built, which must be empty so far. */
extern void index_builds_add(IndexBuilds *builds, Relation table, int64 nrows);

/* Builds them. Needs query_open(); no writer of the tables may be open. */
extern void index_builds_run(IndexBuilds *builds);

#endif
