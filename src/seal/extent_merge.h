/*
 * extent_merge.h
 *		Rows of a table whose extents each have rows in the order of je_id and
 *		line_no, merged to that order without a sort.
 *
 * Expansion leaves an account's lines so: each process fills extents of its own
 * with the journals that it makes, whose identifiers ascend. So at any moment
 * about as many extents are read as there were processes.
 */
#ifndef LEDGER_EXTENT_MERGE_H
#define LEDGER_EXTENT_MERGE_H

#include "seal/seal_rows.h"
#include "table/page_file.h"
#include "table/page_reader.h"

typedef struct MergedExtent
{
	BlockNumber block; /* its first */
	int64 first_je_id; /* of its first row */
} MergedExtent;

/*
 * Puts the lines of extents, which are sorted here, to sections in order. The pages of the reader are not touched. Memory that a
 * row needs is that of row_context. False where an extent, or what comes of all of them, is not in order: some lines were put then.
 */
extern bool extent_merge(const PageReader *reader, BoundForm *form, MergedExtent *extents,
						 int64 nextents, SealRows *rows, MemoryContext row_context);

#endif
