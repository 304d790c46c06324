/*
 * period.c
 *		Reads and finds periods (see period.h).
 */
#include "policy/period.h"

#include "common/month.h"
#include "common/query.h"

#include "utils/lsyscache.h"

typedef struct ClosedPeriod
{
	CodeKey key; /* entity and basis, or none where it is archived; the month */
} ClosedPeriod;

static void
add_closed_period(TupleTableSlot *slot, void *arg)
{
	PeriodBook *book = arg;
	CodeKey key = {
		DatumGetDateADT(query_value(slot, 2, 0)),
		2,
		{code_from_cstring(query_text(slot, 0)), code_from_cstring(query_text(slot, 1))}};
	bool found;

	code_map_enter(&book->closed, &key, &found);
}

/* A month that is archived is closed in every book: its key has no codes. */
static void
add_archived_month(TupleTableSlot *slot, void *arg)
{
	PeriodBook *book = arg;
	CodeKey key = {DatumGetDateADT(query_value(slot, 0, 0)), 0};
	bool found;

	code_map_enter(&book->closed, &key, &found);
}

PeriodBook *
period_none(void)
{
	PeriodBook *book = palloc0_object(PeriodBook);

	code_map_init(&book->closed, "closed periods", sizeof(ClosedPeriod), CurrentMemoryContext);
	return book;
}

PeriodBook *
period_load(void)
{
	PeriodBook *book = period_none();

	query_each_row_kept(
		"SELECT entity_code, basis, period_month FROM acct.accounting_period WHERE NOT is_open",
		NULL, add_closed_period, book);
	/* The layout of 0.1.0 has no archive. */
	if (OidIsValid(get_relname_relid("archived_partition", ledger_engine_schema())))
		query_each_row_kept("SELECT month FROM acct.archived_partition "
							"WHERE table_name = 'ledger_entry' AND restored_at IS NULL",
							NULL, add_archived_month, book);
	return book;
}

PeriodState
period_state(PeriodBook *book, Code entity, Code basis, DateADT month)
{
	CodeKey archived = {.number = month};
	CodeKey key = {month, 2, {entity, basis}};

	if (code_map_find(&book->closed, &archived) != NULL)
		return PERIOD_ARCHIVED;
	return code_map_find(&book->closed, &key) != NULL ? PERIOD_CLOSED : PERIOD_OPEN;
}

DateADT
period_next_open(PeriodBook *book, Code entity, Code basis, DateADT month, DateADT last)
{
	for (DateADT next = month_after(month, 1); next <= last; next = month_after(next, 1))
		if (period_state(book, entity, basis, next) == PERIOD_OPEN)
			return next;
	return month;
}
