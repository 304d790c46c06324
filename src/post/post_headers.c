/*
 * post_headers.c
 *		Posts headers, which get their je_number.
 *
 * Numbers: the caller holds the locks of the books (entity, basis) that the run
 * touches, so the counters in journal_number are read once, counted up in
 * memory and written back. An error rolls back rows and counters alike: no gap.
 */
#include "post/post_headers.h"

#include "common/columns.h"
#include "common/crash_point.h"
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "ledger/row_digest.h"
#include "ledger/shared_staging.h"
#include "post/header_indexes.h"
#include "post/ledger_target.h"
#include "post/post_seals.h"
#include "table/page_groups.h"
#include "table/page_reader.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#define LAST_NUMBER 999999999

/* YYYYMM-, nine digits */
#define NUMBER_SIZE 24

/* The last journal number of (entity, basis) in a month. */
typedef struct Counter
{
	CodeKey key; /* entity, basis; the month */
	int64 last_number;
	bool changed;
} Counter;

/* Columns of staging that posting reads. */
typedef struct HeaderColumns
{
	AttrNumber je_id;
	AttrNumber je_date;
	AttrNumber entity_code;
	AttrNumber basis;
	AttrNumber currency;
	AttrNumber line_count;
	AttrNumber total_debit;
	AttrNumber total_credit;
} HeaderColumns;

struct HeaderPass
{
	Post *post;
	Relation staging;
	bool is_shared; /* with other runs */
	HeaderColumns columns;
	AttrNumber txn_id;       /* which may be null */
	RowDigest *digest;       /* NULL: the run has none */
	LedgerTarget *targets;   /* by month */
	BoundForm **forms;       /* of their rows */
	HeaderIndexes **indexes; /* by month; NULL: they are left to the server */
	PageReader pages;
	TupleTableSlot *slot;
	ExtentMap map; /* by book: entity and basis */
};

static void
take_counter(TupleTableSlot *slot, void *arg)
{
	Post *post = arg;
	CodeKey key = {
		DatumGetDateADT(query_value(slot, 2, 0)), 2, {query_code(slot, 0), query_code(slot, 1)}};
	bool found;
	Counter *counter = code_map_enter(&post->counters, &key, &found);

	counter->last_number = DatumGetInt64(query_value(slot, 3, 0));
}

static void
load_counters(Post *post)
{
	QueryArgs args = {0};

	code_map_init(&post->counters, "journal numbers", sizeof(Counter), post->context);
	query_arg(&args, INT8OID, Int64GetDatum(post->run_id));
	/* Counters are looked up by their key, however many there are. */
	query_each_row_kept(
		"SELECT t.entity_code, t.basis, t.je_month, coalesce((SELECT n.last_number FROM acct.journal_number n "
		"WHERE (n.entity_code, n.basis, n.period_month) = (t.entity_code, t.basis, t.je_month)), 0) "
		"FROM (SELECT DISTINCT x.entity_code, x.basis, x.je_month FROM acct.journal_run_total x WHERE x.run_id = $1) t",
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

static int
next_number(Post *post, const LedgerMonth *month, Code entity, Code basis, char *buffer)
{
	CodeKey key = {month->first_day, 2, {entity, basis}};
	Counter *counter = code_map_find(&post->counters, &key);
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
	Assert(counter->last_number > 0 && length < sizeof(text));
	SET_VARSIZE_SHORT(buffer, length + VARHDRSZ_SHORT);
	memcpy(buffer + VARHDRSZ_SHORT, text, length);
	return counter->last_number;
}

/* What posting reads of a header is not null, unless staging was touched. */
static void
require_values(HeaderPass *pass, TupleTableSlot *slot)
{
	const AttrNumber *columns = (const AttrNumber *) &pass->columns;

	for (int i = 0; i < sizeof(HeaderColumns) / sizeof(AttrNumber); i++)
		if (unlikely(slot->tts_isnull[columns[i] - 1]))
			ereport(
				ERROR,
				(errcode(ERRCODE_LE_OUT_OF_BALANCE),
				 errmsg(
					 "a journal in %s has a null in column %s",
					 RelationGetRelationName(pass->staging),
					 NameStr(TupleDescAttr(slot->tts_tupleDescriptor, columns[i] - 1)->attname))));
}

static void
post_header(HeaderPass *pass, TupleTableSlot *slot)
{
	Post *post = pass->post;
	const HeaderColumns *columns = &pass->columns;
	DateADT date = DatumGetDateADT(slot->tts_values[columns->je_date - 1]);
	int32 line_count = DatumGetInt32(slot->tts_values[columns->line_count - 1]);
	Amount debit = amount_from_stored(slot->tts_values[columns->total_debit - 1]);
	Amount credit = amount_from_stored(slot->tts_values[columns->total_credit - 1]);
	JournalKey key = {.run_id = post->run_id, .je_date = date};
	LedgerMonth *month = post_find_month(post, date);
	LedgerTarget *target = &pass->targets[month - post->months];
	HeaderIndexes *indexes = pass->indexes[month - post->months];
	Datum entity = slot->tts_values[columns->entity_code - 1];
	Datum basis = slot->tts_values[columns->basis - 1];
	char je_number[NUMBER_SIZE + VARHDRSZ_SHORT];
	int number =
		next_number(post, month, code_from_datum(entity), code_from_datum(basis), je_number);

	target->values[target->je_number - 1] = PointerGetDatum(je_number);
	target->isnull[target->je_number - 1] = false;
	target->values[target->posted_at - 1] = TimestampTzGetDatum(post->posted_at);
	target->isnull[target->posted_at - 1] = false;
	ledger_target_put(target, slot);
	if (indexes != NULL)
		header_indexes_add(indexes, DatumGetInt64(slot->tts_values[columns->je_id - 1]), date,
						   number, entity, basis, PointerGetDatum(je_number));
	post_seals_add(post->seals, pass->forms[month - post->months], target->values, target->isnull);
	month->journals++;
	post->header_lines += line_count;
	key.je_id = DatumGetInt64(slot->tts_values[columns->je_id - 1]);
	key.books = NO_BOOKS;
	if (post->by_book)
		key.books = journal_books(code_from_datum(entity), code_from_datum(basis),
								  code_from_datum(slot->tts_values[columns->currency - 1]));
	key.has_txn = !slot->tts_isnull[pass->txn_id - 1];
	key.txn_id = key.has_txn ? DatumGetInt64(slot->tts_values[pass->txn_id - 1]) : 0;
	post->header_journals += journal_sum(&key, line_count, debit, credit);
	post->header_debit += debit;
	post->header_credit += credit;
	if (pass->digest != NULL)
	{
		Digest digest = {0};

		row_digest_add_columns(pass->digest, slot->tts_values, slot->tts_isnull, &digest);
		row_digest_end(digest, &post->headers);
	}
}

/*
 * The book of an extent's first journal, by which expand grouped them: in the
 * order of the unique index on journal numbers. An extent without a row is of a
 * book without a name.
 */
static bool
book_of(BlockNumber first, CodeKey *key, void *arg)
{
	HeaderPass *pass = arg;
	HeapTupleData tuple;

	key->codes[0] = key->codes[1] = code_from_cstring("");
	if (page_reader_page(&pass->pages, first) >= FirstOffsetNumber &&
		page_reader_row(&pass->pages, FirstOffsetNumber, &tuple))
	{
		ExecStoreHeapTuple(&tuple, pass->slot, false);
		slot_getallattrs(pass->slot);
		require_values(pass, pass->slot);
		key->codes[0] = code_from_datum(pass->slot->tts_values[pass->columns.entity_code - 1]);
		key->codes[1] = code_from_datum(pass->slot->tts_values[pass->columns.basis - 1]);
	}
	return true;
}

HeaderPass *
post_headers_open(Post *post, Relation staging)
{
	HeaderPass *pass = palloc0_object(HeaderPass);
	TupleDesc tupdesc = RelationGetDescr(staging);
	const char *name = RelationGetRelationName(staging);

	pass->post = post;
	pass->staging = staging;
	pass->is_shared = staging_is_shared(staging);
	pass->columns.je_id = column_find(tupdesc, name, "je_id", INT8OID);
	pass->txn_id = column_find(tupdesc, name, "txn_id", INT8OID);
	pass->columns.je_date = column_find(tupdesc, name, "je_date", DATEOID);
	pass->columns.entity_code = column_find(tupdesc, name, "entity_code", TEXTOID);
	pass->columns.basis = column_find(tupdesc, name, "basis", TEXTOID);
	pass->columns.currency = column_find(tupdesc, name, "currency", TEXTOID);
	pass->columns.line_count = column_find(tupdesc, name, "line_count", INT4OID);
	pass->columns.total_debit = column_find(tupdesc, name, "total_debit", NUMERICOID);
	pass->columns.total_credit = column_find(tupdesc, name, "total_credit", NUMERICOID);
	pass->targets = palloc0_array(LedgerTarget, post->nmonths + 1);
	pass->forms = palloc0_array(BoundForm *, post->nmonths + 1);
	pass->indexes = palloc0_array(HeaderIndexes *, post->nmonths + 1);
	if (post->has_header_digest)
		pass->digest = row_digest_open_kept(tupdesc, post->header_columns);
	page_reader_open(&pass->pages, staging, post->snapshot);
	pass->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsHeapTuple);
	load_counters(post);
	if (!pass->is_shared)
		page_groups_read(&pass->map, RelationGetNumberOfBlocks(staging), book_of, pass);
	for (int i = 0; i < post->nmonths; i++)
	{
		ledger_target_open(&pass->targets[i], post->months[i].header_partition, tupdesc, true,
						   &post->index_builds);
		pass->forms[i] =
			post_seals_bind(post->seals, ROW_HEADER,
							bulk_writer_descriptor(pass->targets[i].writer), "ledger_entry_header");
		pass->indexes[i] =
			header_indexes_open(post, &post->months[i], pass->targets[i].writer,
								pass->is_shared ? 0 : RelationGetNumberOfBlocks(staging));
	}
	return pass;
}

static void
write_row(HeaderPass *pass, TupleTableSlot *slot)
{
	Post *post = pass->post;

	slot_getallattrs(slot);
	require_values(pass, slot);
	MemoryContextSwitchTo(post->row_context);
	post_header(pass, slot);
	MemoryContextSwitchTo(post->context);
	MemoryContextReset(post->row_context);
}

static void
write_page(HeaderPass *pass, BlockNumber block)
{
	OffsetNumber last;

	CHECK_FOR_INTERRUPTS();
	last = page_reader_page(&pass->pages, block);
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;

		if (!page_reader_row(&pass->pages, i, &tuple))
			continue;
		ExecStoreHeapTuple(&tuple, pass->slot, false);
		write_row(pass, pass->slot);
	}
	ExecClearTuple(pass->slot);
	progress_add(last);
}

/* The run's journals in the order of the unique index on journal numbers: by entity and basis, in each as they were made. */
static Tuplesortstate *
sort_shared(HeaderPass *pass)
{
	AttrNumber keys[] = {pass->columns.entity_code, pass->columns.basis, pass->columns.je_id};
	Oid operators[lengthof(keys)];
	Oid collations[] = {C_COLLATION_OID, C_COLLATION_OID, InvalidOid};
	bool nulls_first[lengthof(keys)] = {false};
	Tuplesortstate *sort;
	KeyScan rows;
	HeapTupleData tuple;

	for (int i = 0; i < lengthof(keys); i++)
		operators[i] =
			lookup_type_cache(TupleDescAttr(RelationGetDescr(pass->staging), keys[i] - 1)->atttypid,
							  TYPECACHE_LT_OPR)
				->lt_opr;
	sort = tuplesort_begin_heap(RelationGetDescr(pass->staging), lengthof(keys), keys, operators,
								collations, nulls_first, work_mem, NULL, TUPLESORT_NONE);
	shared_staging_open(&rows, pass->staging, pass->post->run_id, pass->post->snapshot);
	while (key_scan_next(&rows, &tuple))
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreHeapTuple(&tuple, pass->slot, false);
		tuplesort_puttupleslot(sort, pass->slot);
	}
	ExecClearTuple(pass->slot);
	key_scan_close(&rows);
	tuplesort_performsort(sort);
	return sort;
}

static void
write_shared(HeaderPass *pass)
{
	Tuplesortstate *sort = sort_shared(pass);
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(RelationGetDescr(pass->staging), &TTSOpsMinimalTuple);

	while (tuplesort_gettupleslot(sort, true, false, slot, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		write_row(pass, slot);
		progress_add(1);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(sort);
	CRASH_POINT("post_headers");
}

bool
post_headers_only_store(HeaderPass *pass)
{
	for (int i = 0; i < pass->post->nmonths; i++)
		if (!bulk_writer_only_stores(pass->targets[i].writer))
			return false;
	return true;
}

static void
write_by_page(HeaderPass *pass)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(pass->staging);

	for (int64 i = 0; i < pass->map.nextents; i++)
		for (int p = 0; p < EXTENT_PAGES; p++)
			if (pass->map.extents[i].block + p < nblocks)
			{
				write_page(pass, pass->map.extents[i].block + p);
				CRASH_POINT("post_headers");
			}
}

void
post_headers_write(HeaderPass *pass)
{
	bool prints = pass->digest != NULL && row_digest_prints(pass->digest);
	int scope = prints ? settings_scope_open_pinned() : 0;

	if (pass->is_shared)
		write_shared(pass);
	else
		write_by_page(pass);
	if (prints)
		settings_scope_close(scope);
	for (int i = 0; i < pass->post->nmonths; i++)
		if (pass->indexes[i] != NULL)
			header_indexes_close(pass->indexes[i], &pass->post->index_builds);
	CRASH_POINT("post_headers_written");
}

void
post_headers_close(HeaderPass *pass)
{
	for (int i = 0; i < pass->post->nmonths; i++)
	{
		ledger_target_close(&pass->targets[i]);
	}
	save_counters(pass->post);
	ExecDropSingleTupleTableSlot(pass->slot);
	page_reader_close(&pass->pages);
}
