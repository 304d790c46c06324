/*
 * line_net.h
 *		What transactions should come to and what is posted for them, added up by
 *		account, for those that may differ.
 *
 * First the transactions are named, in ascending order, each with a row of its own that
 * is kept for it. Then lines are added in any order: those that should be there and
 * those that are. Then each transaction is handed back with its sums.
 */
#ifndef LEDGER_LINE_NET_H
#define LEDGER_LINE_NET_H

#include "ledger/digest.h"

#include "access/htup.h"
#include "executor/tuptable.h"

typedef struct LineNet LineNet;

/* Codes that lines have, kept once. */
typedef struct NetCodes
{
	Digest hash;
	Code codes[LINE_CODES];
	uint64 basis; /* as buckets know it */
	void *place;  /* for whoever writes such lines; NULL at first */
} NetCodes;

/* The lines of a transaction that have the same codes and dimensions. */
typedef struct NetLine
{
	NetCodes *codes;
	int32 number;            /* of these codes */
	MinimalTuple dimensions; /* NULL: lines have none */
	Amount expected;         /* debit less credit of the lines that should be there */
	Amount posted;           /* of those that are */
} NetLine;

typedef enum NetSide
{
	NET_EXPECTED,
	NET_POSTED
} NetSide;

/*
 * dimensions are columns that lines have beside the engine's; NULL: none. Lines of no bucket of found are passed over; NULL: none
 * are. All of it lives in a context of its own.
 */
extern LineNet *line_net_open(TupleDesc dimensions, const bytea *found);

/* Names a transaction by a row with its txn_id and basis (text); all rows are of one type. */
extern void line_net_name(LineNet *net, TupleTableSlot *row);

/* All are named; how many there are. */
extern int64 line_net_named(LineNet *net);

/* Adds the lines of a table. LE010 where it lacks a column. */
extern void line_net_add_table(LineNet *net, NetSide side, Oid table);

/*
 * Adds a line that is a row with the columns that comparisons read, and behind them the dimensions; a QueryRow. They are
 * posted ones.
 */
extern void line_net_add_posted(TupleTableSlot *slot, void *net);

/* Transactions that differ: their row, all of whose attributes are deformed, and their sums in no order. Valid during the call. */
typedef void (*NetTransaction)(TupleTableSlot *row, NetLine *lines, int nlines, void *arg);

/* Calls differs for each transaction that does, in ascending order, in a context that is reset after the call. */
extern void line_net_each(LineNet *net, NetTransaction differs, void *arg);

/* The order of dimensions: by column, nulls last; 0 where they are equal. */
extern int line_net_compare_dimensions(LineNet *net, MinimalTuple a, MinimalTuple b);

extern void line_net_close(LineNet *net);

#endif
