/*
 * columns.c
 *		Columns by name (see columns.h).
 */
#include "common/columns.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "utils/array.h"
#include "utils/builtins.h"

bool
column_name_in(const char *name, const char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

AttrNumber
column_number(TupleDesc tupdesc, const char *name)
{
	int number = SPI_fnumber(tupdesc, name);

	/* System columns have negative numbers, as has what is no column. */
	return number > 0 ? number : InvalidAttrNumber;
}

bool
column_is_reg_type(Oid type)
{
	switch (type)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGCOLLATIONOID:
			return true;
		default:
			return false;
	}
}

bool
column_numeric_size(int32 typmod, int *precision, int *scale)
{
	if (typmod < (int32) VARHDRSZ)
		return false;
	*precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	*scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return true;
}

/* A numeric column that every amount fits: numeric(20,4) or wider. */
static bool
fits_amounts(int32 typmod)
{
	int precision;
	int scale;

	return !column_numeric_size(typmod, &precision, &scale) ||
		   (scale >= 4 && precision - scale >= 16);
}

AttrNumber
column_find(TupleDesc tupdesc, const char *table, const char *name, Oid type)
{
	AttrNumber number = column_number(tupdesc, name);

	if (number == InvalidAttrNumber || TupleDescAttr(tupdesc, number - 1)->atttypid != type)
		ereport(ERROR,
				(errcode(ERRCODE_LE_BAD_LAYOUT), errmsg("table %s has no column %s of type %s",
														table, name, format_type_be(type))));
	if (type == NUMERICOID && !fits_amounts(TupleDescAttr(tupdesc, number - 1)->atttypmod))
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_LAYOUT),
						errmsg("column %s of table %s is too narrow for amounts", name, table),
						errdetail("Amounts are numeric(20,4).")));
	return number;
}

/* Values of "from" may be stored in "to" as they are. */
static bool
same_type(Form_pg_attribute from, Form_pg_attribute to)
{
	return from->atttypid == to->atttypid &&
		   (from->atttypmod == to->atttypmod || to->atttypmod == -1);
}

static char *
type_text(Form_pg_attribute att)
{
	return format_type_with_typemod(att->atttypid, att->atttypmod);
}

int
columns_carried(TupleDesc from, TupleDesc to, const char *const *except, CarriedColumn **carried,
				Bitmapset **filled, Bitmapset **nullable)
{
	int count = 0;

	*carried = palloc0(sizeof(CarriedColumn) * (to->natts + 1));
	for (int i = 0; i < to->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(to, i);
		AttrNumber source;

		if (att->attisdropped || column_name_in(NameStr(att->attname), except))
			continue;
		source = column_number(from, NameStr(att->attname));
		if (source == InvalidAttrNumber)
			continue;
		if (!same_type(TupleDescAttr(from, source - 1), att))
			ereport(ERROR, (errcode(ERRCODE_LE_BAD_LAYOUT),
							errmsg("column %s has different types in the tables that carry it",
								   NameStr(att->attname)),
							errdetail("The types are %s and %s.",
									  type_text(TupleDescAttr(from, source - 1)), type_text(att)),
							errhint("Dimensions are added with acct.add_dimension().")));
		(*carried)[count].from = source;
		(*carried)[count].to = att->attnum;
		count++;
		*filled = bms_add_member(*filled, att->attnum);
		if (!column_is_never_null(from, source - 1))
			*nullable = bms_add_member(*nullable, att->attnum);
	}
	return count;
}

TupleDesc
columns_named(TupleDesc tupdesc, Datum names)
{
	TupleDesc named = CreateTupleDescCopy(tupdesc);
	Datum *list;
	int count;

	deconstruct_array(DatumGetArrayTypeP(names), TEXTOID, -1, false, TYPALIGN_INT, &list, NULL,
					  &count);
	if (count != named->natts)
		elog(ERROR, "the query has %d columns, not %d", named->natts, count);
	for (int i = 0; i < count; i++)
		namestrcpy(&TupleDescAttr(named, i)->attname, TextDatumGetCString(list[i]));
	return named;
}
