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

/* Gives an index of a new table an empty file, for its builder or for what fills it otherwise. */
extern void index_builds_give_file(Oid index);

/* An index was filled otherwise, with so many entries: it is not built. To be said before index_builds_add(). */
extern void index_builds_filled(IndexBuilds *builds, Oid index, double entries);

/* Leaves the indexes of a table of so many rows to be built, which must be empty so far. */
extern void index_builds_add(IndexBuilds *builds, Relation table, int64 nrows);

/* Builds them. Needs query_open(); no writer of the tables may be open. */
extern void index_builds_run(IndexBuilds *builds);

#endif
