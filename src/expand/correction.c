/*
 * correction.c
 *		acct._book_differences(): transactions that may differ from what is posted
 *		for them to the journals that correct them, in staging.
 *
 * An evaluation has left what the transactions should come to in a table of lines
 * (acct._evaluate). Which they are a query tells, with the headers of the journals that are corrected;
 * the lines that are posted are read by page, or by a query, and the lines of few journals by
 * their key. Sums are then made transaction by transaction (line_net.h), and
 * each that differs becomes a journal (correction_writer.h).
 */
#include "common/ledger_engine.h"

#include "common/columns.h"
#include "common/crash_point.h"
#include "common/month.h"
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/comparison.h"
#include "expand/correction_writer.h"
#include "expand/run_record.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_book_differences);

/* The lines of what a transaction comes to have no date and no number; as acct._net_digest() has it. */
#define NET_DATE 0 /* 2000-01-01 */
#define NET_LINE 0

/* p_run_id, ... */
enum
{
	ARG_RUN_ID,
	ARG_HEADER,
	ARG_LINE,
	ARG_JOURNALS,      /* query of the journals that may be corrected; $1: the buckets */
	ARG_BUCKETS,       /* bytea */
	ARG_EXPECTED,      /* table of lines */
	ARG_POSTED_TABLES, /* regclass[], or NULL */
	ARG_POSTED,        /* query of lines that are in none of these */
	ARG_POSTED_OF,     /* query of lines of the journals $1, bigint[] */
	ARG_CORRECTIONS,   /* query of the lines of earlier corrections, or NULL */
	ARG_FEW            /* so many journals are found by key */
};

typedef struct Correction
{
	MemoryContext context;
	CorrectionRun run;
	RunTally tally;
	LineNet *net;
	CorrectionWriter *writer;
	int64 few;
	int64 *je_ids;    /* of the journals named, as long as they are few */
	AttrNumber je_id; /* columns of the journals */
	AttrNumber je_date;
	AttrNumber txn_id;
	bool has_dimensions; /* of lines */
	Digest expected;     /* of what those come to that are changed */
	int64 later;         /* journals that are dated after their correction */
	DateADT latest;
} Correction;

static void
take_run(TupleTableSlot *slot, void *arg)
{
	Correction *correction = arg;
	CorrectionRun *run = &correction->run;
	MemoryContext old = MemoryContextSwitchTo(correction->context);
	char *memo = query_text(slot, 2);

	run->je_date = DatumGetDateADT(query_value(slot, 0, (Datum) 0));
	run->je_month = month_of(run->je_date);
	je_id_open(&run->ids, DatumGetInt64(query_value(slot, 1, Int64GetDatum(0))), run->je_month);
	if (memo != NULL)
		run->memo = CStringGetTextDatum(memo);
	MemoryContextSwitchTo(old);
}

static void
load_run(Correction *correction)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(correction->run.run_id));
	query_each_row("SELECT je_date, je_range, acct._memo_of(reason) FROM acct.journal_run "
				   "WHERE run_id = $1",
				   &args, take_run, correction);
	run_bases_load(&correction->run.bases, correction->run.run_id);
}

/* The columns that lines have beside the engine's. */
typedef struct DimensionNames
{
	MemoryContext context;
	List *names;
} DimensionNames;

static void
take_dimension(TupleTableSlot *slot, void *arg)
{
	DimensionNames *d = arg;
	MemoryContext old = MemoryContextSwitchTo(d->context);

	d->names = lappend(d->names, query_text(slot, 0));
	MemoryContextSwitchTo(old);
}

/* They are those of a table of lines; NULL where there are none. */
static TupleDesc
find_dimensions(Oid table)
{
	DimensionNames d = {.context = CurrentMemoryContext};
	Relation rel;
	TupleDesc dimensions;
	ListCell *lc;

	query_each_row("SELECT n.name FROM unnest(acct._dimensions_of('line')) WITH ORDINALITY AS n "
				   "(name, n) ORDER BY n.n",
				   NULL, take_dimension, &d);
	if (d.names == NIL)
		return NULL;
	rel = table_open(table, AccessShareLock);
	dimensions = CreateTemplateTupleDesc(list_length(d.names));
	foreach(lc, d.names)
	{
		AttrNumber to = (AttrNumber) (foreach_current_index(lc) + 1);
		AttrNumber from = column_number(RelationGetDescr(rel), lfirst(lc));

		if (from == InvalidAttrNumber)
			elog(ERROR, "lines that are expected lack a dimension");
		TupleDescCopyEntry(dimensions, to, RelationGetDescr(rel), from);
	}
	table_close(rel, NoLock);
	return dimensions;
}

static void
take_journal(TupleTableSlot *slot, void *arg)
{
	Correction *correction = arg;
	int64 number = line_net_named(correction->net);

	slot_getallattrs(slot);
	if (number == 0)
	{
		TupleDesc tupdesc = slot->tts_tupleDescriptor;

		correction->je_id = column_find(tupdesc, "of journals", "je_id", INT8OID);
		correction->je_date = column_find(tupdesc, "of journals", "je_date", DATEOID);
		correction->txn_id = column_find(tupdesc, "of journals", "txn_id", INT8OID);
	}
	if (number < correction->few)
		correction->je_ids[number] = DatumGetInt64(slot->tts_values[correction->je_id - 1]);
	line_net_name(correction->net, slot);
}

/* The journals that may be corrected. */
static void
name_journals(Correction *correction, const char *query, Datum buckets)
{
	QueryArgs args = {0};

	progress_phase(PHASE_CHECKING_JOURNALS, PROGRESS_NO_ROWS);
	correction->je_ids =
		palloc_extended(mul_size(correction->few + 1, sizeof(int64)), MCXT_ALLOC_HUGE);
	query_arg(&args, BYTEAOID, buckets);
	query_each_row(query, &args, take_journal, correction);
}

/* The posted lines of journals that are few. */
static void
add_lines_of_few(Correction *correction, const char *query)
{
	static const ScopedSetting by_key[] = {
		{"enable_seqscan", "off"}, {"enable_bitmapscan", "off"}, {"enable_hashjoin", "off"}};
	int count = (int) line_net_named(correction->net);
	Datum *je_ids = palloc_array(Datum, count + 1);
	QueryArgs args = {0};
	int scope;

	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
		je_ids[i] = Int64GetDatum(correction->je_ids[i]);
	query_arg(&args, INT8ARRAYOID,
			  PointerGetDatum(
				  construct_array(je_ids, count, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE)));
	scope = settings_scope_open(by_key, lengthof(by_key));
	query_each_row(query, &args, line_net_add_posted, correction->net);
	settings_scope_close(scope);
}

static void
add_tables(Correction *correction, Datum tables)
{
	Datum *oids;
	int ntables;

	deconstruct_array(DatumGetArrayTypeP(tables), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
					  &oids, NULL, &ntables);
	for (int i = 0; i < ntables; i++)
		line_net_add_table(correction->net, NET_POSTED, DatumGetObjectId(oids[i]));
}

static void
add_lines(Correction *correction, FunctionCallInfo fcinfo)
{
	progress_phase(PHASE_CHECKING_LINES, PROGRESS_NO_ROWS);
	line_net_add_table(correction->net, NET_EXPECTED, PG_GETARG_OID(ARG_EXPECTED));
	if (!PG_ARGISNULL(ARG_CORRECTIONS))
		query_each_row(text_to_cstring(PG_GETARG_TEXT_PP(ARG_CORRECTIONS)), NULL,
					   line_net_add_posted, correction->net);
	if (line_net_named(correction->net) < correction->few)
		add_lines_of_few(correction, text_to_cstring(PG_GETARG_TEXT_PP(ARG_POSTED_OF)));
	else
	{
		query_each_row(text_to_cstring(PG_GETARG_TEXT_PP(ARG_POSTED)), NULL, line_net_add_posted,
					   correction->net);
		if (!PG_ARGISNULL(ARG_POSTED_TABLES))
			add_tables(correction, PG_GETARG_DATUM(ARG_POSTED_TABLES));
	}
}

static Datum
row_value(TupleTableSlot *row, const char *name)
{
	AttrNumber n = column_number(row->tts_tupleDescriptor, name);

	if (n == InvalidAttrNumber || row->tts_isnull[n - 1])
		elog(ERROR, "a journal to correct has no %s", name);
	return row->tts_values[n - 1];
}

/* The journal stays as it is, and nothing waits for another one. */
static void
set_aside(Correction *correction, TupleTableSlot *row)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(correction->run.run_id));
	query_arg(&args, INT8OID, row_value(row, "txn_id"));
	query_arg(&args, DATEOID, row_value(row, "txn_month"));
	query_arg(&args, TEXTOID, row_value(row, "basis"));
	query_arg(&args, TEXTOID, row_value(row, "template_code"));
	query_arg(&args, INT4OID, row_value(row, "template_version"));
	query_change("INSERT INTO acct.je_exception (run_id, txn_id, txn_month, basis, reason, "
				 "template_code, template_version, message, voided_at) VALUES ($1, $2, $3, $4, "
				 "'AMOUNT_RANGE', $5, $6, 'the difference does not fit numeric(20,4)', "
				 "clock_timestamp())",
				 &args);
}

static int
compare_numbers(const void *a, const void *b)
{
	int32 x = ((const NetLine *) a)->number;
	int32 y = ((const NetLine *) b)->number;

	return x < y ? -1 : x > y;
}

/* What a transaction should come to, whatever its dimensions. */
static void
digest_expected(Correction *correction, int64 txn_id, NetLine *lines, int nlines)
{
	/* Without dimensions no two have the same codes. */
	if (correction->has_dimensions)
		qsort(lines, nlines, sizeof(NetLine), compare_numbers);
	for (int from = 0, to; from < nlines; from = to)
	{
		Amount amount = 0;

		for (to = from; to < nlines && lines[to].number == lines[from].number; to++)
			amount += lines[to].expected;
		if (amount != 0)
			digest_add_line(&correction->expected, lines[from].codes->hash, txn_id, true, NET_DATE,
							NET_LINE, Max(amount, 0), Max(-amount, 0));
	}
}

static void
take_transaction(TupleTableSlot *row, NetLine *lines, int nlines, void *arg)
{
	Correction *correction = arg;
	DateADT original = DatumGetDateADT(row->tts_values[correction->je_date - 1]);
	Amount debit = 0;
	Amount credit = 0;

	for (int i = 0; i < nlines; i++)
	{
		Amount difference = lines[i].expected - lines[i].posted;

		debit += Max(difference, 0);
		credit += Max(-difference, 0);
	}
	/* Differences of amounts that fit may not fit themselves. */
	if (debit >= AMOUNT_LIMIT || credit >= AMOUNT_LIMIT)
	{
		set_aside(correction, row);
		return;
	}
	if (original > correction->run.je_date)
	{
		correction->latest = correction->later == 0 ? original : Max(correction->latest, original);
		correction->later++;
	}
	digest_expected(correction, DatumGetInt64(row->tts_values[correction->txn_id - 1]), lines,
					nlines);
	correction_writer_put(correction->writer, row, lines, nlines, debit, credit);
}

/* Sums are made transaction by transaction, and what differs is written. */
static void
write_corrections(Correction *correction)
{
	/* Headers are digested. */
	int scope = settings_scope_open_pinned();

	line_net_each(correction->net, take_transaction, correction);
	run_tally_stop(&correction->tally);
	correction_writer_close(correction->writer);
	settings_scope_close(scope);
}

/* by_basis, evaluation_digest, later, latest */
static Datum
result(FunctionCallInfo fcinfo, const Correction *correction, Datum by_basis)
{
	TupleDesc tupdesc;
	Datum values[4];
	bool nulls[4] = {false};
	char digest[DIGEST_TEXT_SIZE];

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "differences are returned as a row");
	digest_to_text(correction->expected, digest);
	values[0] = by_basis;
	values[1] = CStringGetTextDatum(digest);
	values[2] = Int64GetDatum(correction->later);
	values[3] = DateADTGetDatum(correction->latest);
	nulls[3] = correction->later == 0;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

Datum
ledger_book_differences(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Correction *correction = palloc0_object(Correction);
	TupleDesc dimensions;
	Datum by_basis;
	Datum row;

	for (int i = 0; i <= ARG_FEW; i++)
		if (PG_ARGISNULL(i) && i != ARG_POSTED_TABLES && i != ARG_CORRECTIONS)
			elog(ERROR, "the booking of differences needs a run, its tables and queries");
	line_buckets_require(PG_GETARG_BYTEA_PP(ARG_BUCKETS));
	correction->context = AllocSetContextCreate(caller, "correction", ALLOCSET_DEFAULT_SIZES);
	query_open();
	MemoryContextSwitchTo(correction->context);
	correction->run.run_id = PG_GETARG_INT64(ARG_RUN_ID);
	correction->few = Max(PG_GETARG_INT64(ARG_FEW), 0);
	load_run(correction);
	run_tally_init(&correction->tally, correction->context, correction->run.bases.count);
	dimensions = find_dimensions(PG_GETARG_OID(ARG_EXPECTED));
	correction->has_dimensions = dimensions != NULL;
	correction->net = line_net_open(dimensions, PG_GETARG_BYTEA_PP(ARG_BUCKETS));
	name_journals(correction, text_to_cstring(PG_GETARG_TEXT_PP(ARG_JOURNALS)),
				  PG_GETARG_DATUM(ARG_BUCKETS));
	add_lines(correction, fcinfo);
	CRASH_POINT("correction_lines");
	progress_phase(PHASE_WRITING_ENTRIES, PROGRESS_NO_ROWS);
	correction->writer =
		correction_writer_open(&correction->run, &correction->tally, correction->net, dimensions,
							   PG_GETARG_OID(ARG_HEADER), PG_GETARG_OID(ARG_LINE));
	write_corrections(correction);
	line_net_close(correction->net);
	CRASH_POINT("correction_written");
	progress_phase(PHASE_RECORDING_TOTALS, PROGRESS_NO_ROWS);
	run_total_save(&correction->tally.totals, correction->run.run_id);
	run_record_save_entries(correction->run.run_id, &correction->tally, &correction->run.ids,
							correction_writer_header_digest(correction->writer),
							correction_writer_added_digest(correction->writer));
	by_basis = run_record_by_basis(&correction->tally, correction->run.bases.codes);
	query_close();

	MemoryContextSwitchTo(caller);
	row = result(fcinfo, correction, by_basis);
	MemoryContextDelete(correction->context);
	PG_RETURN_DATUM(row);
}
