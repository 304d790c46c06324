/*
 * query.h
 *		Queries through the server programming interface, row by row.
 *
 * A query's rows go from the executor to a callback, one slot at a time, with
 * no tuple store between. Plans are serial: in a parallel plan the leader could
 * not write, and the callback writes.
 */
#ifndef LEDGER_QUERY_H
#define LEDGER_QUERY_H

#include "common/ledger_engine.h"

#include "executor/tuptable.h"

#define QUERY_MAX_ARGS 28

/* Arguments $1, $2, ... of a query. */
typedef struct QueryArgs
{
	int count;
	Oid types[QUERY_MAX_ARGS];
	Datum values[QUERY_MAX_ARGS];
	bool nulls[QUERY_MAX_ARGS];
} QueryArgs;

typedef void (*QueryRow)(TupleTableSlot *slot, void *arg);

extern void query_open(void);
extern void query_close(void);

extern void query_arg(QueryArgs *args, Oid type, Datum value);
extern void query_arg_null(QueryArgs *args, Oid type);

/*
 * Runs a SELECT and calls row for each of its rows. args may be NULL. The
 * callback's current context is the query's, and ends with it; the caller's own is
 * current again after the query, as after those below. The query sees
 * what the caller's active snapshot shows, so that several queries under one
 * snapshot agree with each other, in this process and in its workers.
 */
extern void query_each_row(const char *sql, QueryArgs *args, QueryRow row, void *arg);

/* The same, until enough is true after a row: those that follow are not looked for. */
extern void
query_until(const char *sql, QueryArgs *args, QueryRow row, void *arg, const bool *enough);

/*
 * The same of a query that is a constant of the program, with arguments of the same
 * types each time: the session keeps its plan. Not for one whose best plan depends on
 * settings, or on how much there is of what it looks for.
 */
extern void query_each_row_kept(const char *sql, QueryArgs *args, QueryRow row, void *arg);

/* The same as the first for functions that write, or a query of somebody else's: it gets a snapshot of its own. */
extern void query_call(const char *sql, QueryArgs *args, QueryRow row, void *arg);

/*
 * Runs an INSERT, UPDATE or DELETE that is a constant of the program, with arguments of the same types each time, under
 * a snapshot of its own; returns the number of rows. The session keeps its plan.
 */
extern uint64 query_change(const char *sql, QueryArgs *args);

/* Column (from 0) of a row as a palloc'd C string in the current context; NULL where null. */
extern char *query_text(TupleTableSlot *slot, int column);

/* The same as a code, which is never null: an error where it is. */
extern Code query_code(TupleTableSlot *slot, int column);

/* Column (from 0) of a row; fallback where null. */
extern Datum query_value(TupleTableSlot *slot, int column, Datum fallback);

#endif
