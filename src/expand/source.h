/*
 * source.h
 *		Rows of acct.txn_source_parent as the engine reads them.
 */
#ifndef LEDGER_SOURCE_H
#define LEDGER_SOURCE_H

#include "common/ledger_engine.h"
#include "policy/routing.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

/* The columns that the engine itself reads; the others it carries, or expressions name them. */
typedef struct SourceColumns
{
	AttrNumber txn_id;
	AttrNumber txn_month;
	AttrNumber value_date;
	AttrNumber policy_no;
	AttrNumber codes[CODE_KEY_MAX]; /* in the order of a route's key */
	AttrNumber partition;           /* the row's tableoid, behind the table's own columns */
	int nwide;
	AttrNumber *wide; /* those whose values can be of any size, but for the codes */
} SourceColumns;

/* Bytes that policy_no may have, which each header carries, and that a value of another column may have. */
#define MAX_POLICY_NO_SIZE 1000
#define MAX_VALUE_SIZE     (1024 * 1024)

typedef struct Transaction
{
	TupleTableSlot *slot; /* all attributes deformed */
	Route *route;
	Oid partition;
	int64 txn_id;
	DateADT txn_month;
	DateADT value_date;
	Datum policy_no;
	bool policy_no_is_null;
	bool bad_date;        /* the route is that of the transaction month */
	const char *oversize; /* a column whose value is too large; NULL: none */
} Transaction;

/* Finds the columns; LE010 where one is missing or of another type. */
extern void source_find_columns(Relation source, SourceColumns *columns);

/*
 * A SELECT list, of the table as s, whose columns have the numbers of the
 * table's own (dropped ones are NULL) and whose last is the row's tableoid.
 */
extern char *source_select_list(Relation source);

/*
 * The tables that hold a month's rows, locked; NIL where one of them is not an
 * ordinary table, whose blocks could be read by themselves.
 */
extern List *source_leaves(Relation source, DateADT month);

/*
 * Marks which stretches of so many blocks of such a table may have rows of
 * these batches (bigint[]), by its BRIN index on batch_id; all where it has none.
 */
extern void source_mark_stretches(Oid table, Datum batches, BlockNumber stretch, int64 nstretches,
								  bool *wanted);

/* Reads a row of such a query. */
extern void
source_read(const SourceColumns *columns, Routing *routing, TupleTableSlot *slot, Transaction *txn);

#endif
