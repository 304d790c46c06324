/*
 * columns.h
 *		Columns of the engine's tables by name, so that rows can be put together
 *		for tables to which a site has added columns.
 */
#ifndef LEDGER_COLUMNS_H
#define LEDGER_COLUMNS_H

#include "common/ledger_engine.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"

/* A column carried from one row type to another. */
typedef struct CarriedColumn
{
	AttrNumber from;
	AttrNumber to;
} CarriedColumn;

/* True where a list of names, ended by NULL (or NULL itself), has this one. */
extern bool column_name_in(const char *name, const char *const *list);

/* The number of a column, or InvalidAttrNumber. */
extern AttrNumber column_number(TupleDesc tupdesc, const char *name);

/* Is it regclass or one of its kind, whose values are the numbers of catalog rows? */
extern bool column_is_reg_type(Oid type);

/*
 * Precision and scale of numeric columns; false where there is no limit. As the
 * server's numeric_typmod_precision() and numeric_typmod_scale() (numeric.c, 15 to 18).
 */
extern bool column_numeric_size(int32 typmod, int *precision, int *scale);

/* The number of a column; LE010 where the table has none, or one of another type, or a numeric too narrow for amounts. */
extern AttrNumber column_find(TupleDesc tupdesc, const char *table, const char *name, Oid type);

/*
 * The columns of "to" that "from" has under the same name, save those in except
 * (ended by NULL). LE010 where the types differ. filled gets their numbers in
 * "to", nullable those that "from" allows to be null.
 */
extern int columns_carried(TupleDesc from, TupleDesc to, const char *const *except,
						   CarriedColumn **carried, Bitmapset **filled, Bitmapset **nullable);

/* A row type with other names for its columns (text[]), as a query's rows need not have those of the query. */
extern TupleDesc columns_named(TupleDesc tupdesc, Datum names);

/* Copies the carried columns of a row, whose attributes are all deformed, into values and isnull. */
static inline void
columns_carry(const CarriedColumn *carried, int count, TupleTableSlot *slot, Datum *values,
			  bool *isnull)
{
	for (int i = 0; i < count; i++)
	{
		const CarriedColumn *c = &carried[i];

		values[c->to - 1] = slot->tts_values[c->from - 1];
		isnull[c->to - 1] = slot->tts_isnull[c->from - 1];
	}
}

#endif
