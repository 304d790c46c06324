/*
 * columns.h
 *		Columns of the engine's tables by name, so that rows can be put together
 *		for tables to which a site has added columns.
 */
#ifndef LEDGER_COLUMNS_H
#define LEDGER_COLUMNS_H

#include "ledger_engine.h"

#include "access/tupdesc.h"

/* A column carried from one row type to another. */
typedef struct CarriedColumn
{
	AttrNumber from;
	AttrNumber to;
} CarriedColumn;

/* The number of a column; LE010 where the table has none, or one of another type. */
extern AttrNumber column_find(TupleDesc tupdesc, const char *table, const char *name, Oid type);

/*
 * The columns of "to" that "from" has under the same name, save those in except
 * (ended by NULL). LE010 where the types differ. filled gets their numbers in
 * "to", nullable those that "from" allows to be null.
 */
extern int columns_carried(TupleDesc from, TupleDesc to, const char *const *except,
						   CarriedColumn **carried, Bitmapset **filled, Bitmapset **nullable);

#endif
