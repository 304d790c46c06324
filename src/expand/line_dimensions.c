/*
 * line_dimensions.c
 *		Dimensions of lines, kept and compared (see line_dimensions.h).
 */
#include "expand/line_dimensions.h"

#include "common/columns.h"
#include "common/compat.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

struct LineDimensions
{
	TupleDesc columns;
	FmgrInfo *compare;         /* of each */
	FmgrInfo *write;           /* of those that cannot be compared, and are as text */
	AttrNumber *table_columns; /* of the table that is being read */
};

/* Types that cannot be sorted are compared as text. */
static void
find_comparison(LineDimensions *dimensions, int i)
{
	Oid type = TupleDescAttr(dimensions->columns, i)->atttypid;
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_CMP_PROC);
	Oid function;
	bool is_varlena;

	if (OidIsValid(entry->cmp_proc))
	{
		fmgr_info(entry->cmp_proc, &dimensions->compare[i]);
		return;
	}
	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info(function, &dimensions->write[i]);
}

LineDimensions *
line_dimensions_open(TupleDesc columns)
{
	LineDimensions *dimensions;

	if (columns == NULL)
		return NULL;
	dimensions = palloc_object(LineDimensions);
	dimensions->columns = columns;
	dimensions->compare = palloc0_array(FmgrInfo, columns->natts);
	dimensions->write = palloc0_array(FmgrInfo, columns->natts);
	dimensions->table_columns = palloc0_array(AttrNumber, columns->natts);
	for (int i = 0; i < columns->natts; i++)
		find_comparison(dimensions, i);
	return dimensions;
}

void
line_dimensions_find(LineDimensions *dimensions, Relation table)
{
	for (int i = 0; dimensions != NULL && i < dimensions->columns->natts; i++)
		dimensions->table_columns[i] = column_number(
			RelationGetDescr(table), NameStr(TupleDescAttr(dimensions->columns, i)->attname));
}

MinimalTuple
line_dimensions_of_tuple(const LineDimensions *dimensions, Relation table, HeapTuple line)
{
	TupleDesc desc = RelationGetDescr(table);
	int count;
	Datum *values;
	bool *isnull;
	Datum *own;
	bool *own_isnull;

	if (dimensions == NULL)
		return NULL;
	count = dimensions->columns->natts;
	values = palloc_array(Datum, desc->natts);
	isnull = palloc_array(bool, desc->natts);
	heap_deform_tuple(line, desc, values, isnull);
	own = palloc0_array(Datum, count);
	own_isnull = palloc_array(bool, count);
	for (int i = 0; i < count; i++)
	{
		AttrNumber n = dimensions->table_columns[i];

		own_isnull[i] = n == InvalidAttrNumber || isnull[n - 1];
		if (!own_isnull[i])
			own[i] = values[n - 1];
	}
	return form_minimal_tuple(dimensions->columns, own, own_isnull);
}

MinimalTuple
line_dimensions_of_row(const LineDimensions *dimensions, TupleTableSlot *row, int first)
{
	TupleDesc desc = row->tts_tupleDescriptor;

	if (dimensions == NULL)
		return NULL;
	if (desc->natts != first + dimensions->columns->natts)
		elog(ERROR, "the query of posted lines does not have their dimensions");
	for (int i = 0; i < dimensions->columns->natts; i++)
		if (TupleDescAttr(desc, first + i)->atttypid !=
			TupleDescAttr(dimensions->columns, i)->atttypid)
			elog(ERROR, "the query of posted lines has dimensions of other types");
	return form_minimal_tuple(dimensions->columns, row->tts_values + first,
							  row->tts_isnull + first);
}

static int
compare_values(LineDimensions *dimensions, int i, Datum a, Datum b)
{
	Form_pg_attribute att = TupleDescAttr(dimensions->columns, i);
	char *x;
	char *y;

	if (OidIsValid(dimensions->compare[i].fn_oid))
		return DatumGetInt32(FunctionCall2Coll(&dimensions->compare[i], att->attcollation, a, b));
	x = OutputFunctionCall(&dimensions->write[i], a);
	y = OutputFunctionCall(&dimensions->write[i], b);
	return varstr_cmp(x, strlen(x), y, strlen(y), DEFAULT_COLLATION_OID);
}

static void
deform_minimal(MinimalTuple tuple, TupleDesc desc, Datum *values, bool *isnull)
{
	HeapTupleData heap;

	heap.t_len = tuple->t_len + MINIMAL_TUPLE_OFFSET;
	heap.t_data = (HeapTupleHeader) ((char *) tuple - MINIMAL_TUPLE_OFFSET);
	heap_deform_tuple(&heap, desc, values, isnull);
}

int
line_dimensions_compare(LineDimensions *dimensions, MinimalTuple a, MinimalTuple b)
{
	int count;
	Datum *x;
	Datum *y;
	bool *x_isnull;
	bool *y_isnull;

	if (a == b)
		return 0;
	count = dimensions->columns->natts;
	x = palloc_array(Datum, 2 * count);
	y = x + count;
	x_isnull = palloc_array(bool, 2 * count);
	y_isnull = x_isnull + count;
	deform_minimal(a, dimensions->columns, x, x_isnull);
	deform_minimal(b, dimensions->columns, y, y_isnull);
	for (int i = 0; i < count; i++)
	{
		int c;

		if (x_isnull[i] || y_isnull[i])
			c = x_isnull[i] - y_isnull[i];
		else
			c = compare_values(dimensions, i, x[i], y[i]);
		if (c != 0)
			return c;
	}
	return 0;
}
