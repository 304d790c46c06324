/*
 * extent_merge.h
 *		Lines of a table whose extents each have lines in the order of je_id and
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
	int64 first_je_id; /* of its first line */
	BlockNumber block; /* its first */
	int32 number;      /* for the caller */
} MergedExtent;

/* How extents are read, and what else is done with their lines. */
typedef struct ExtentSource
{
	PageReader *reader;
	LineReader *lines;
	BoundForm *form;           /* of the table's rows */
	MemoryContext row_context; /* of what a row needs */
	/* Looks at each line before it is put; false: the extent is not as it is to be, and its other lines are not read. NULL: all are. */
	bool (*accept)(const MergedExtent *extent, HeapTuple tuple, const Line *line, LineSum *sum,
				   void *arg);
	/* Takes an extent, of which all lines were accepted or not, with what accept summed up. NULL: there is nothing to be done. */
	void (*end)(const MergedExtent *extent, char *pages, bool accepted, const LineSum *sum,
				void *arg);
	void *arg;
} ExtentSource;

/*
 * Puts the lines of extents, which are sorted here, to sections in order. False where an extent was not accepted, or what comes of
 * all of them is not in order: some lines were put then. Each extent is read to its end in any case, where end is not NULL.
 */
extern bool
extent_merge(ExtentSource *source, MergedExtent *extents, int64 nextents, SealRows *rows);

#endif
