/*
 * row_seals.h
 *		Which seal the rows of a month are of: that of their run in their book, or
 *		that of the month; and the form that it has them in.
 */
#ifndef LEDGER_ROW_SEALS_H
#define LEDGER_ROW_SEALS_H

#include "common/code_map.h"
#include "seal/form.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* The seal of the rows of a run in a book: for headers one, for lines another. */
typedef struct RowSeal
{
	CodeKey key;  /* entity, basis, the run's number; the kind of rows */
	int32 number; /* the same for rows of the same seal, which may be those of several runs */
	int64 run_id;
	int64 seal_id;    /* 0: none */
	RowForm *form;    /* NULL: none */
	BoundForm *bound; /* to the table that is read */
} RowSeal;

typedef struct RowSeals
{
	DateADT month;
	MemoryContext context;
	CodeMap seals; /* RowSeal */
	CodeMap numbers;
	int32 nseals;
	RowSeal *last; /* found */
	List *bound;   /* RowSeals that are bound to the table */
} RowSeals;

/* In the current memory context. Needs query_open(). */
extern void row_seals_open(RowSeals *seals, DateADT month);

/* What seals a row of a table that is read; its form is bound to that table. */
extern RowSeal *row_seals_find(RowSeals *seals, Relation table, RowKind kind, int64 run_id,
							   Code entity, Code basis);

/* The table is read: the next one may have other columns. */
extern void row_seals_unbind(RowSeals *seals);

#endif
