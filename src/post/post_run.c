/*
 * post_run.c
 *		The run that is posted (see post_run.h).
 */
#include "post/post_run.h"

#include "common/month.h"
#include "common/query.h"
#include "ledger/je_id.h"

#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"

/* A digest with the columns that it is of and their types, from a column of the row on; false where there is none. */
static bool
take_digest(Post *post, TupleTableSlot *slot, int first, Digest *digest, Datum *columns,
			Datum *types)
{
	char *text = query_text(slot, first);
	MemoryContext old;

	*columns = query_value(slot, first + 1, (Datum) 0);
	*types = query_value(slot, first + 2, (Datum) 0);
	if (text == NULL)
		return false;
	if (*columns == (Datum) 0 || *types == (Datum) 0 || !digest_from_text(text, digest))
		elog(ERROR, "the run has no digest of its headers, or of its lines' columns");
	old = MemoryContextSwitchTo(post->context);
	*columns = PointerGetDatum(DatumGetArrayTypePCopy(*columns));
	*types = PointerGetDatum(DatumGetArrayTypePCopy(*types));
	MemoryContextSwitchTo(old);
	return true;
}

static void
take_run(TupleTableSlot *slot, void *arg)
{
	Post *post = arg;

	post->posted_at = DatumGetTimestampTz(query_value(slot, 0, TimestampTzGetDatum(0)));
	post->first_je_id = DatumGetInt64(query_value(slot, 1, Int64GetDatum(0)));
	post->end_je_id = DatumGetInt64(query_value(slot, 2, Int64GetDatum(0)));
	post->by_book = DatumGetBool(query_value(slot, 3, BoolGetDatum(false)));
	post->has_header_digest = take_digest(post, slot, 4, &post->header_digest,
										  &post->header_columns, &post->header_types);
	post->has_added_digest =
		take_digest(post, slot, 7, &post->added_digest, &post->added_columns, &post->added_types);
}

/* A transaction has one entity and currency, and several bases at most. */
#define RUN_QUERY(of_rows)                                                                   \
	"SELECT r.posted_at, g.from_je_id, g.to_je_id, r.txn_month IS NULL OR "                  \
	"(SELECT count(DISTINCT t.basis) > 1 FROM acct.journal_run_total t WHERE t.run_id = $1)" \
	", " of_rows " FROM acct.journal_run r, acct._je_range(r.je_range) g WHERE r.run_id = $1"

static void
load_run(Post *post)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(post->run_id));
	if (get_attnum(ledger_engine_table("journal_run"), "added_digest") != InvalidAttrNumber)
		query_each_row_kept(RUN_QUERY("r.header_digest, r.header_columns, r.header_types, "
									  "r.added_digest, r.added_columns, r.added_types"),
							&args, take_run, post);
	else
		query_each_row_kept(RUN_QUERY("NULL::text, NULL::text[], NULL::text[], "
									  "NULL::text, NULL::text[], NULL::text[]"),
							&args, take_run, post);
	Assert(post->posted_at != 0);
}

/* An array argument of as many partitions as there are months, or of fewer where some have none. */
static Datum *
take_partitions(Post *post, ArrayType *array, bool **nulls)
{
	Datum *values;
	int count;

	deconstruct_array(array, REGCLASSOID, 4, true, TYPALIGN_INT, &values, nulls, &count);
	if (count != post->nmonths)
		elog(ERROR, "months and partitions do not match");
	return values;
}

static void
take_months(Post *post, ArrayType *month_array, ArrayType *header_array, ArrayType *line_array,
			ArrayType *range_array)
{
	Datum *months;
	Datum *headers;
	Datum *lines;
	Datum *ranges;
	bool *nulls;

	deconstruct_array(month_array, DATEOID, 4, true, TYPALIGN_INT, &months, NULL, &post->nmonths);
	headers = take_partitions(post, header_array, &nulls);
	lines = take_partitions(post, line_array, &nulls);
	ranges = take_partitions(post, range_array, &nulls);
	if (post->nmonths > JE_ID_MAX_MONTHS)
		elog(ERROR, "a run has journals of more months than it can");
	post->months = palloc0_array(LedgerMonth, post->nmonths + 1);
	for (int i = 0; i < post->nmonths; i++)
	{
		LedgerMonth *m = &post->months[i];
		int year;
		int month;
		int day;

		m->first_day = DatumGetDateADT(months[i]);
		j2date(m->first_day + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		m->yyyymm = year * 100 + month;
		m->next_first_day = month_after(m->first_day, 1);
		Assert(day == 1);
		Assert(i == 0 || m->first_day >= post->months[i - 1].next_first_day);
		m->header_partition = DatumGetObjectId(headers[i]);
		m->line_partition = DatumGetObjectId(lines[i]);
		m->range_partition = nulls[i] ? InvalidOid : DatumGetObjectId(ranges[i]);
		m->by_je_id = get_partition_parent(m->line_partition, false) !=
					  ledger_engine_table("ledger_entry_line");
	}
}

void
post_run_load(Post *post, ArrayType *months, ArrayType *headers, ArrayType *lines,
			  ArrayType *ranges)
{
	take_months(post, months, headers, lines, ranges);
	load_run(post);
}

LedgerMonth *
post_find_month(Post *post, DateADT date)
{
	LedgerMonth *month = post->current;

	if (likely(month != NULL && date >= month->first_day && date < month->next_first_day))
		return month;
	for (int i = 0; i < post->nmonths; i++)
	{
		month = &post->months[i];
		if (date >= month->first_day && date < month->next_first_day)
		{
			post->current = month;
			return month;
		}
	}
	ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
					errmsg("staging of run " INT64_FORMAT
						   " holds a journal of a month that expand did not record",
						   post->run_id)));
	return NULL;
}
