/*
 * line_rows.h
 *		Gives journal lines to a function, one after the other: those of a block of
 *		a table, or of a query.
 */
#ifndef LEDGER_LINE_ROWS_H
#define LEDGER_LINE_ROWS_H

#include "ledger/line_reader.h"
#include "table/page_reader.h"

#include "executor/tuptable.h"
#include "miscadmin.h"

/* The line is valid until the function returns. */
typedef void (*TakeLine)(const Line *line, void *arg);

/* The rows of a block; returns its last item. */
static inline OffsetNumber
line_rows_of_block(PageReader *pages, LineReader *lines, BlockNumber block, TakeLine take,
				   void *arg)
{
	OffsetNumber last;

	CHECK_FOR_INTERRUPTS();
	last = page_reader_page(pages, block);
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;

		if (!page_reader_row(pages, i, &tuple))
			continue;
		line_reader_read(lines, &tuple, &line);
		take(&line, arg);
	}
	return last;
}

/* The lines of a query, which may be anybody's. */
typedef struct QueryLines
{
	int first; /* its first column; those before it are zero */
	TakeLine take;
	void *arg;
	MemoryContext context; /* of values that had to be fetched or decompressed */
} QueryLines;

/* The query has the columns of line_layout.h in their order, from first on. */
extern void line_rows_open(QueryLines *lines, int first, TakeLine take, void *arg);

/* A row of it, as query.h calls functions; 42804 where it is no line. */
extern void line_rows_take(TupleTableSlot *slot, void *lines);

extern void line_rows_close(QueryLines *lines);

#endif
