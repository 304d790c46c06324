/*
 * line_rows.c
 *		Lines of a query (see line_rows.h).
 */
#include "ledger/line_rows.h"

#include "utils/memutils.h"

void
line_rows_open(QueryLines *lines, int first, TakeLine take, void *arg)
{
	lines->first = first;
	lines->take = take;
	lines->arg = arg;
	lines->context =
		AllocSetContextCreate(CurrentMemoryContext, "line of a query", ALLOCSET_DEFAULT_SIZES);
}

void
line_rows_close(QueryLines *lines)
{
	MemoryContextDelete(lines->context);
}

/* Values are taken for what these types have in memory. */
static void
require_line(TupleTableSlot *slot, int first)
{
	TupleDesc tupdesc = slot->tts_tupleDescriptor;
	bool fits = tupdesc->natts == LINE_COLUMNS - first;

	for (int i = 0; fits && i < tupdesc->natts; i++)
		fits = TupleDescAttr(tupdesc, i)->atttypid == line_types[first + i] &&
			   (!slot->tts_isnull[i] || line_column_is_nullable(first + i));
	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the query does not return journal lines")));
}

void
line_rows_take(TupleTableSlot *slot, void *arg)
{
	QueryLines *lines = arg;
	MemoryContext old = MemoryContextSwitchTo(lines->context);
	Datum values[LINE_COLUMNS] = {0};
	bool isnull[LINE_COLUMNS] = {false};
	Line line;

	slot_getallattrs(slot);
	require_line(slot, lines->first);
	for (int i = lines->first; i < LINE_COLUMNS; i++)
	{
		values[i] = slot->tts_values[i - lines->first];
		isnull[i] = slot->tts_isnull[i - lines->first];
	}
	line_from_columns(values, isnull, &line);
	lines->take(&line, lines->arg);
	MemoryContextSwitchTo(old);
	MemoryContextReset(lines->context);
}
