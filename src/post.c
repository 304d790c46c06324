/*
 * post.c
 *		acct._post(): a run's staging to the ledger.
 *
 * Two passes, each row going straight to the ledger partition of its month:
 * headers, which get their je_number, then lines. The lines are added up and
 * digested on the way; unless counts, sums and digest are those that expand
 * recorded, nothing is posted (LE009).
 *
 * Numbers: the caller holds the locks of the books (entity, basis) that the run
 * touches, so the counters in journal_number are read once, counted up in
 * memory and written back. An error rolls back rows and counters alike: no gap.
 */
#include "ledger_engine.h"

#include "amount.h"
#include "bulk_writer.h"
#include "codemap.h"
#include "columns.h"
#include "digest.h"
#include "query.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/bitmapset.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(post);

#define LAST_NUMBER 999999999

/* YYYYMM-, nine digits */
#define NUMBER_SIZE 24

/* A ledger table of one month. */
typedef struct LedgerTarget
{
	BulkWriter *writer;
	int ncarried; /* from staging */
	CarriedColumn *carried;
	AttrNumber je_number; /* 0 in lines */
	AttrNumber posted_at;
	bool same_layout; /* staging tuples may be copied as they are */
	Datum *values;
	bool *isnull;
} LedgerTarget;

typedef struct LedgerMonth
{
	DateADT first_day;
	DateADT next_first_day;
	int yyyymm;
	Oid header_partition;
	Oid line_partition;
	LedgerTarget header;
	LedgerTarget line;
	int64 journals;
	int64 lines;
	Amount debit;
	Amount credit;
} LedgerMonth;

/* The last journal number of (entity, basis) in a month. */
typedef struct Counter
{
	CodeKey key; /* entity, basis; the month */
	int64 last_number;
	bool changed;
} Counter;

/* What expand recorded. */
typedef struct Recorded
{
	int64 journals;
	int64 lines;
	Amount debit;
	Amount credit;
	Digest digest;
	/* The same by the headers' own columns. */
	int64 header_lines;
	Amount header_debit;
	Amount header_credit;
} Recorded;

typedef struct Post
{
	int64 run_id;
	MemoryContext context;
	MemoryContext row_context; /* of values that had to be fetched or decompressed */
	int nmonths;
	LedgerMonth *months;
	LedgerMonth *current;
	CodeMap counters;
	TimestampTz posted_at;
	Recorded recorded;
	Recorded written;
} Post;

/* Columns of staging that posting reads. */
typedef struct HeaderColumns
{
	AttrNumber je_date;
	AttrNumber entity_code;
	AttrNumber basis;
	AttrNumber line_count;
	AttrNumber total_debit;
	AttrNumber total_credit;
} HeaderColumns;

typedef struct LineColumns
{
	AttrNumber txn_id;
	AttrNumber je_date;
	AttrNumber line_no;
	AttrNumber entity_code;
	AttrNumber basis;
	AttrNumber account_code;
	AttrNumber fund;
	AttrNumber currency;
	AttrNumber product_code;
	AttrNumber channel;
	AttrNumber debit;
	AttrNumber credit;
} LineColumns;

static void
take_recorded(TupleTableSlot *slot, void *arg)
{
	Recorded *recorded = arg;
	char *digest = query_text(slot, 4);

	recorded->journals = DatumGetInt64(query_value(slot, 0, 0));
	recorded->lines = DatumGetInt64(query_value(slot, 1, 0));
	recorded->debit = amount_from_sum(query_value(slot, 2, (Datum) 0));
	recorded->credit = amount_from_sum(query_value(slot, 3, (Datum) 0));
	if (!digest_from_text(digest, &recorded->digest))
		elog(ERROR, "the run has no digest");
}

static void
take_counter(TupleTableSlot *slot, void *arg)
{
	Post *post = arg;
	CodeKey key = {
		DatumGetDateADT(query_value(slot, 2, 0)),
		2,
		{code_from_cstring(query_text(slot, 0)), code_from_cstring(query_text(slot, 1))}};
	bool found;
	Counter *counter = codemap_enter(&post->counters, &key, &found);

	counter->last_number = DatumGetInt64(query_value(slot, 3, 0));
}

static void
load_run(Post *post)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(post->run_id));
	query_each_row(
		"SELECT journals, lines, debit, credit, digest FROM acct.journal_run WHERE run_id = $1",
		&args, take_recorded, &post->recorded);
	query_each_row(
		"SELECT DISTINCT t.entity_code, t.basis, t.je_month, coalesce(n.last_number, 0) "
		"FROM acct.journal_run_total t LEFT JOIN acct.journal_number n "
		"ON (n.entity_code, n.basis, n.period_month) = (t.entity_code, t.basis, t.je_month) "
		"WHERE t.run_id = $1",
		&args, take_counter, post);
}

static void
save_counters(Post *post)
{
	HASH_SEQ_STATUS scan;
	Counter *counter;

	hash_seq_init(&scan, post->counters.table);
	while ((counter = hash_seq_search(&scan)) != NULL)
	{
		QueryArgs args = {0};

		if (!counter->changed)
			continue;
		query_arg(&args, TEXTOID, code_to_datum(counter->key.codes[0]));
		query_arg(&args, TEXTOID, code_to_datum(counter->key.codes[1]));
		query_arg(&args, DATEOID, DateADTGetDatum(counter->key.number));
		query_arg(&args, INT8OID, Int64GetDatum(counter->last_number));
		query_change(
			"INSERT INTO acct.journal_number AS n (entity_code, basis, period_month, last_number) "
			"VALUES ($1, $2, $3, $4) ON CONFLICT (entity_code, basis, period_month) "
			"DO UPDATE SET last_number = excluded.last_number",
			&args);
	}
}

/* Rows of the two have the same stored form. */
static bool
same_layout(TupleDesc a, TupleDesc b)
{
	if (a->natts != b->natts)
		return false;
	for (int i = 0; i < a->natts; i++)
	{
		Form_pg_attribute x = TupleDescAttr(a, i);
		Form_pg_attribute y = TupleDescAttr(b, i);

		if (x->attisdropped || y->attisdropped || x->atttypid != y->atttypid ||
			x->atttypmod != y->atttypmod || strcmp(NameStr(x->attname), NameStr(y->attname)) != 0)
			return false;
	}
	return true;
}

static void
open_target(LedgerTarget *target, Oid partition, TupleDesc staging, bool is_header)
{
	static const char *const line_checks[] = {"chk_one_side", NULL};
	static const char *const added[] = {"je_number", "posted_at", NULL};
	BulkWriterOptions options = {.held_checks = line_checks, .filled = added, .index_at_end = true};
	Bitmapset *filled = NULL;
	Bitmapset *nullable = NULL;
	Relation rel = table_open(partition, RowExclusiveLock);
	TupleDesc ledger = RelationGetDescr(rel);

	target->ncarried =
		columns_carried(staging, ledger, added, &target->carried, &filled, &nullable);
	if (is_header)
	{
		target->je_number = column_find(ledger, RelationGetRelationName(rel), "je_number", TEXTOID);
		target->posted_at =
			column_find(ledger, RelationGetRelationName(rel), "posted_at", TIMESTAMPTZOID);
	}
	target->same_layout = same_layout(staging, ledger);
	target->values = palloc0_array(Datum, ledger->natts);
	target->isnull = palloc_array(bool, ledger->natts);
	memset(target->isnull, true, ledger->natts);
	table_close(rel, NoLock);
	options.also_filled = filled;
	options.nullable = nullable;
	options.parent = ledger_engine_table(is_header ? "ledger_entry_header" : "ledger_entry_line");
	target->writer = bulk_writer_open(partition, &options);
}

static LedgerMonth *
find_month(Post *post, DateADT date)
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

static Datum
next_number(Post *post, const LedgerMonth *month, Code entity, Code basis, char *buffer)
{
	CodeKey key = {month->first_day, 2, {entity, basis}};
	Counter *counter = codemap_find(&post->counters, &key);
	char text[NUMBER_SIZE];
	int length;

	if (counter == NULL)
		ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
						errmsg("staging of run " INT64_FORMAT
							   " holds a journal of a book that expand did not record",
							   post->run_id)));
	if (counter->last_number >= LAST_NUMBER)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("journal numbers of %s %s in month %d are used up",
						counter->key.codes[0].data, counter->key.codes[1].data, month->yyyymm)));
	counter->last_number++;
	counter->changed = true;
	length = snprintf(text, sizeof(text), "%06d-%09d", month->yyyymm, (int) counter->last_number);
	SET_VARSIZE_SHORT(buffer, length + VARHDRSZ_SHORT);
	memcpy(buffer + VARHDRSZ_SHORT, text, length);
	return PointerGetDatum(buffer);
}

static void
carry(LedgerTarget *target, TupleTableSlot *slot)
{
	columns_carry(target->carried, target->ncarried, slot, target->values, target->isnull);
}

static void
post_header(Post *post, TupleTableSlot *slot, const HeaderColumns *columns)
{
	DateADT date = DatumGetDateADT(slot->tts_values[columns->je_date - 1]);
	LedgerMonth *month = find_month(post, date);
	LedgerTarget *target = &month->header;
	char number[NUMBER_SIZE + VARHDRSZ_SHORT];

	carry(target, slot);
	target->values[target->je_number - 1] =
		next_number(post, month, code_from_datum(slot->tts_values[columns->entity_code - 1]),
					code_from_datum(slot->tts_values[columns->basis - 1]), number);
	target->isnull[target->je_number - 1] = false;
	target->values[target->posted_at - 1] = TimestampTzGetDatum(post->posted_at);
	target->isnull[target->posted_at - 1] = false;
	bulk_writer_put(target->writer, target->values, target->isnull);
	month->journals++;
	post->written.journals++;
	post->written.header_lines += DatumGetInt32(slot->tts_values[columns->line_count - 1]);
	post->written.header_debit += amount_from_stored(slot->tts_values[columns->total_debit - 1]);
	post->written.header_credit += amount_from_stored(slot->tts_values[columns->total_credit - 1]);
}

static void
post_line(Post *post, TupleTableSlot *slot, const LineColumns *columns)
{
	Datum *v = slot->tts_values;
	DateADT date = DatumGetDateADT(v[columns->je_date - 1]);
	LedgerMonth *month = find_month(post, date);
	LedgerTarget *target = &month->line;
	Amount debit = amount_from_stored(v[columns->debit - 1]);
	Amount credit = amount_from_stored(v[columns->credit - 1]);
	LineCodes codes = {.entity_code = code_from_datum(v[columns->entity_code - 1]),
					   .basis = code_from_datum(v[columns->basis - 1]),
					   .account_code = code_from_datum(v[columns->account_code - 1]),
					   .fund = code_from_datum(v[columns->fund - 1]),
					   .currency = code_from_datum(v[columns->currency - 1]),
					   .product_code = code_from_datum(v[columns->product_code - 1]),
					   .channel = code_from_datum(v[columns->channel - 1])};

	digest_add_line(&post->written.digest, digest_of_codes(&codes),
					DatumGetInt64(v[columns->txn_id - 1]), date,
					DatumGetInt16(v[columns->line_no - 1]), debit, credit);
	if (target->same_layout)
		bulk_writer_put_tuple(target->writer, ExecFetchSlotHeapTuple(slot, false, NULL));
	else
	{
		carry(target, slot);
		bulk_writer_put(target->writer, target->values, target->isnull);
	}
	month->lines++;
	month->debit += debit;
	month->credit += credit;
	post->written.lines++;
	post->written.debit += debit;
	post->written.credit += credit;
}

static void
post_headers(Post *post, Relation staging, Snapshot snapshot)
{
	TupleDesc tupdesc = RelationGetDescr(staging);
	const char *name = RelationGetRelationName(staging);
	HeaderColumns columns = {.je_date = column_find(tupdesc, name, "je_date", DATEOID),
							 .entity_code = column_find(tupdesc, name, "entity_code", TEXTOID),
							 .basis = column_find(tupdesc, name, "basis", TEXTOID),
							 .line_count = column_find(tupdesc, name, "line_count", INT4OID),
							 .total_debit = column_find(tupdesc, name, "total_debit", NUMERICOID),
							 .total_credit =
								 column_find(tupdesc, name, "total_credit", NUMERICOID)};
	TupleTableSlot *slot = table_slot_create(staging, NULL);
	TableScanDesc scan = table_beginscan(staging, snapshot, 0, NULL);

	for (int i = 0; i < post->nmonths; i++)
		open_target(&post->months[i].header, post->months[i].header_partition, tupdesc, true);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		slot_getallattrs(slot);
		MemoryContextSwitchTo(post->row_context);
		post_header(post, slot, &columns);
		MemoryContextSwitchTo(post->context);
		MemoryContextReset(post->row_context);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	for (int i = 0; i < post->nmonths; i++)
		bulk_writer_close(post->months[i].header.writer);
}

static void
post_lines(Post *post, Relation staging, Snapshot snapshot)
{
	TupleDesc tupdesc = RelationGetDescr(staging);
	const char *name = RelationGetRelationName(staging);
	LineColumns columns = {.txn_id = column_find(tupdesc, name, "txn_id", INT8OID),
						   .je_date = column_find(tupdesc, name, "je_date", DATEOID),
						   .line_no = column_find(tupdesc, name, "line_no", INT2OID),
						   .entity_code = column_find(tupdesc, name, "entity_code", TEXTOID),
						   .basis = column_find(tupdesc, name, "basis", TEXTOID),
						   .account_code = column_find(tupdesc, name, "account_code", TEXTOID),
						   .fund = column_find(tupdesc, name, "fund", TEXTOID),
						   .currency = column_find(tupdesc, name, "currency", TEXTOID),
						   .product_code = column_find(tupdesc, name, "product_code", TEXTOID),
						   .channel = column_find(tupdesc, name, "channel", TEXTOID),
						   .debit = column_find(tupdesc, name, "debit", NUMERICOID),
						   .credit = column_find(tupdesc, name, "credit", NUMERICOID)};
	TupleTableSlot *slot = table_slot_create(staging, NULL);
	TableScanDesc scan = table_beginscan(staging, snapshot, 0, NULL);

	for (int i = 0; i < post->nmonths; i++)
		open_target(&post->months[i].line, post->months[i].line_partition, tupdesc, false);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		slot_getallattrs(slot);
		MemoryContextSwitchTo(post->row_context);
		post_line(post, slot, &columns);
		MemoryContextSwitchTo(post->context);
		MemoryContextReset(post->row_context);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	for (int i = 0; i < post->nmonths; i++)
		bulk_writer_close(post->months[i].line.writer);
}

/* What was written must be what expand recorded. */
static void
check_written(Post *post)
{
	const Recorded *expected = &post->recorded;
	const Recorded *found = &post->written;

	if (expected->journals == found->journals && expected->lines == found->lines &&
		expected->debit == found->debit && expected->credit == found->credit &&
		expected->lines == found->header_lines && expected->debit == found->header_debit &&
		expected->credit == found->header_credit && digest_equal(expected->digest, found->digest))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_LE_OUT_OF_BALANCE),
		 errmsg("staging of run " INT64_FORMAT " is not what was expanded", post->run_id),
		 errdetail("Expanded: " INT64_FORMAT " journals, " INT64_FORMAT
				   " lines. Staging: " INT64_FORMAT " journals, " INT64_FORMAT " lines.%s",
				   expected->journals, expected->lines, found->journals, found->lines,
				   expected->lines == found->lines
					   ? " The sums of the headers or lines, or the digest of the lines, differ."
					   : ""),
		 errhint("See acct.validate_run(). Discard the run and make it again.")));
}

static void
take_months(Post *post, ArrayType *months, ArrayType *headers, ArrayType *lines)
{
	Datum *month_values;
	Datum *header_values;
	Datum *line_values;
	int nheaders;
	int nlines;

	deconstruct_array(months, DATEOID, 4, true, TYPALIGN_INT, &month_values, NULL, &post->nmonths);
	deconstruct_array(headers, REGCLASSOID, 4, true, TYPALIGN_INT, &header_values, NULL, &nheaders);
	deconstruct_array(lines, REGCLASSOID, 4, true, TYPALIGN_INT, &line_values, NULL, &nlines);
	if (nheaders != post->nmonths || nlines != post->nmonths)
		elog(ERROR, "months and partitions do not match");

	post->months = palloc0_array(LedgerMonth, post->nmonths + 1);
	for (int i = 0; i < post->nmonths; i++)
	{
		LedgerMonth *m = &post->months[i];
		int year;
		int month;
		int day;

		m->first_day = DatumGetDateADT(month_values[i]);
		j2date(m->first_day + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		m->yyyymm = year * 100 + month;
		m->next_first_day = m->first_day + day_tab[isleap(year)][month - 1];
		m->header_partition = DatumGetObjectId(header_values[i]);
		m->line_partition = DatumGetObjectId(line_values[i]);
	}
}

static void
return_months(Post *post, ReturnSetInfo *rsinfo, double elapsed_ms)
{
	for (int i = 0; i < post->nmonths; i++)
	{
		LedgerMonth *m = &post->months[i];
		Datum values[6];
		bool nulls[6] = {false};

		values[0] = CStringGetTextDatum(get_rel_name(m->line_partition));
		values[1] = Int64GetDatum(m->journals);
		values[2] = Int64GetDatum(m->lines);
		values[3] = amount_to_new_numeric(m->debit);
		values[4] = amount_to_new_numeric(m->credit);
		/* Months are written side by side; each is charged by its lines. */
		values[5] = Float8GetDatum(
			post->written.lines > 0 ? elapsed_ms * m->lines / post->written.lines : 0);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

Datum
post(PG_FUNCTION_ARGS)
{
	Post *post = palloc0_object(Post);
	Relation header;
	Relation line;
	Snapshot snapshot;
	instr_time start;
	instr_time elapsed;
	MemoryContext caller = CurrentMemoryContext;

	InitMaterializedSRF(fcinfo, 0);
	INSTR_TIME_SET_CURRENT(start);
	query_open();
	post->context = AllocSetContextCreate(caller, "post", ALLOCSET_DEFAULT_SIZES);
	post->row_context = AllocSetContextCreate(post->context, "post row", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(post->context);
	post->run_id = PG_GETARG_INT64(0);
	post->posted_at = GetCurrentTransactionStartTimestamp();
	codemap_init(&post->counters, "journal numbers", sizeof(Counter), post->context);
	take_months(post, PG_GETARG_ARRAYTYPE_P(3), PG_GETARG_ARRAYTYPE_P(4), PG_GETARG_ARRAYTYPE_P(5));
	load_run(post);

	header = table_open(PG_GETARG_OID(1), AccessShareLock);
	line = table_open(PG_GETARG_OID(2), AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	post_headers(post, header, snapshot);
	post_lines(post, line, snapshot);
	UnregisterSnapshot(snapshot);
	table_close(line, NoLock);
	table_close(header, NoLock);

	check_written(post);
	save_counters(post);
	query_close();

	MemoryContextSwitchTo(caller);
	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, start);
	return_months(post, (ReturnSetInfo *) fcinfo->resultinfo, INSTR_TIME_GET_MILLISEC(elapsed));
	MemoryContextDelete(post->context);
	PG_RETURN_VOID();
}
