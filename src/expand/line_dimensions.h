/*
 * line_dimensions.h
 *		The columns that lines have beside the engine's, of any type, as values that are
 *		kept and compared.
 */
#ifndef LEDGER_LINE_DIMENSIONS_H
#define LEDGER_LINE_DIMENSIONS_H

#include "common/ledger_engine.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

typedef struct LineDimensions LineDimensions;

/* In the current context. NULL where there are no such columns (NULL), as in all of the following. */
extern LineDimensions *line_dimensions_open(TupleDesc columns);

/* Finds the columns of a table by their names; those that it lacks are null in its lines. */
extern void line_dimensions_find(LineDimensions *dimensions, Relation table);

/* Those of a line of the table that they were found in last; in the current context, as the next. */
extern MinimalTuple
line_dimensions_of_tuple(const LineDimensions *dimensions, Relation table, HeapTuple line);

/* Those that a row has behind its first columns. */
extern MinimalTuple
line_dimensions_of_row(const LineDimensions *dimensions, TupleTableSlot *row, int first);

/* Their order: by column, nulls last; 0 where they are equal, however they are stored. */
extern int line_dimensions_compare(LineDimensions *dimensions, MinimalTuple a, MinimalTuple b);

#endif
