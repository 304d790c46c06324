/*
 * period.c
 *		Reads and finds periods (see period.h).
 */
#include "policy/period.h"

#include "common/month.h"

#include "utils/lsyscache.h"

typedef struct RecordedPeriod
{
	CodeKey key; /* entity and basis, or none where it is archived; the month */
	bool is_open;
} RecordedPeriod;

/* A book whose months are closed up to a day, and by default from a month on. */
typedef struct BookDates
{
	CodeKey key; /* entity and basis */
	DateADT closed_through;
	DateADT closed_from;
} BookDates;

static CodeKey
book_key(TupleTableSlot *slot)
{
	CodeKey key = {0, 2, {query_code(slot, 0), query_code(slot, 1)}};

	return key;
}

static void
add_period(TupleTableSlot *slot, void *arg)
{
	PeriodBook *book = arg;
	CodeKey key = book_key(slot);
	RecordedPeriod *period;
	bool found;

	key.number = DatumGetDateADT(query_value(slot, 2, 0));
	period = code_map_enter(&book->recorded, &key, &found);
	period->is_open = DatumGetBool(query_value(slot, 3, BoolGetDatum(false)));
}

static void
add_book(TupleTableSlot *slot, void *arg)
{
	PeriodBook *book = arg;
	CodeKey key = book_key(slot);
	BookDates *dates;
	bool found;

	dates = code_map_enter(&book->books, &key, &found);
	dates->closed_through = DatumGetDateADT(query_value(slot, 2, DateADTGetDatum(DATEVAL_NOBEGIN)));
	dates->closed_from = DatumGetDateADT(query_value(slot, 3, DateADTGetDatum(DATEVAL_NOEND)));
}

/* A month that is archived is closed in every book: its key has no codes. */
static void
add_archived_month(TupleTableSlot *slot, void *arg)
{
	PeriodBook *book = arg;
	CodeKey key = {DatumGetDateADT(query_value(slot, 0, 0)), 0};
	bool found;

	code_map_enter(&book->recorded, &key, &found);
}

PeriodBook *
period_none(void)
{
	PeriodBook *book = palloc0_object(PeriodBook);

	code_map_init(&book->recorded, "periods", sizeof(RecordedPeriod), CurrentMemoryContext);
	code_map_init(&book->books, "books", sizeof(BookDates), CurrentMemoryContext);
	return book;
}

PeriodBook *
period_load(const Policy *policy)
{
	PeriodBook *book = period_none();

	/* A month that was opened counts where it would be closed without that. */
	policy_each_row(
		policy,
		"SELECT p.entity_code, p.basis, p.period_month, p.is_open FROM acct.accounting_period p",
		NULL, add_period, book);
	/* The layout of 0.1.0 has no archive, and no properties of books. */
	if (OidIsValid(get_relname_relid("archived_partition", ledger_engine_schema())))
		policy_each_row(policy,
						"SELECT a.month FROM acct.archived_partition a "
						"WHERE a.table_name = 'ledger_entry' AND a.restored_at IS NULL",
						NULL, add_archived_month, book);
	if (OidIsValid(get_relname_relid("book", ledger_engine_schema())))
		policy_each_row(
			policy,
			"SELECT b.entity_code, b.basis, b.closed_through, b.closed_from FROM acct.book b "
			"WHERE b.closed_through IS NOT NULL OR b.closed_from IS NOT NULL",
			NULL, add_book, book);
	return book;
}

PeriodState
period_state(PeriodBook *book, Code entity, Code basis, DateADT month)
{
	CodeKey archived = {.number = month};
	CodeKey key = {month, 2, {entity, basis}};
	CodeKey of_book = {0, 2, {entity, basis}};
	const RecordedPeriod *recorded;
	const BookDates *dates;

	if (code_map_find(&book->recorded, &archived) != NULL)
		return PERIOD_ARCHIVED;
	dates =
		hash_get_num_entries(book->books.table) > 0 ? code_map_find(&book->books, &of_book) : NULL;
	if (dates != NULL && month <= dates->closed_through)
		return PERIOD_CLOSED;
	recorded = code_map_find(&book->recorded, &key);
	if (recorded != NULL)
		return recorded->is_open ? PERIOD_OPEN : PERIOD_CLOSED;
	return dates != NULL && month >= dates->closed_from ? PERIOD_CLOSED : PERIOD_OPEN;
}

DateADT
period_next_open(PeriodBook *book, Code entity, Code basis, DateADT month, DateADT last)
{
	for (DateADT next = month_after(month, 1); next <= last; next = month_after(next, 1))
		if (period_state(book, entity, basis, next) == PERIOD_OPEN)
			return next;
	return month;
}
