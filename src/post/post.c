/*
 * post.c
 *		acct._post(): a run's staging to the ledger.
 *
 * Each row goes straight to the ledger partition of its month: headers
 * (post_headers.c), and lines (post_lines.c), which are added up and digested
 * on the way. Unless counts, sums and digests are those that expand
 * recorded, nothing is posted (LE009), nor where the totals by account, by which
 * balances are moved, come to others in a month.
 */
#include "common/ledger_engine.h"

#include "common/crash_point.h"
#include "common/progress.h"
#include "common/query.h"
#include "ledger/row_digest.h"
#include "post/post_headers.h"
#include "post/post_lines.h"
#include "post/post_run.h"
#include "post/post_seals.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_post);
LEDGER_FUNCTION(ledger_flush_wal);

/* What expand recorded. */
typedef struct Recorded
{
	int64 journals;
	LineSum lines;
} Recorded;

static void
take_recorded(TupleTableSlot *slot, void *arg)
{
	Recorded *recorded = arg;
	char *digest = query_text(slot, 4);
	Datum debit = query_value(slot, 2, (Datum) 0);
	Datum credit = query_value(slot, 3, (Datum) 0);

	if (debit == (Datum) 0 || credit == (Datum) 0 || digest == NULL ||
		!digest_from_text(digest, &recorded->lines.digest))
		elog(ERROR, "the run has no sums, or no digest");
	recorded->journals = DatumGetInt64(query_value(slot, 0, 0));
	recorded->lines.lines = DatumGetInt64(query_value(slot, 1, 0));
	recorded->lines.debit = amount_from_sum(debit);
	recorded->lines.credit = amount_from_sum(credit);
}

static void
load_recorded(Post *post, Recorded *recorded)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(post->run_id));
	query_each_row_kept(
		"SELECT journals, lines, debit, credit, digest FROM acct.journal_run WHERE run_id = $1",
		&args, take_recorded, recorded);
}

/* A digest that differs, as a sentence: whose it is, and what became of the columns that it is of. */
static char *
differs(const char *what, Relation rel, Datum columns, Datum types)
{
	char *changes = row_digest_changes(RelationGetDescr(rel), columns, types);

	return changes == NULL ? psprintf(" The digest of %s differs.", what)
						   : psprintf(" The digest of %s differs: %s.", what, changes);
}

/* Which of it is as expand recorded it. */
typedef struct Agreement
{
	bool sums; /* and journals and the digest of lines */
	bool headers;
	bool added;
} Agreement;

/* What differs, of headers and lines that are as many as they were, in sentences. */
static char *
differences(const Post *post, Relation header, Relation line, Agreement agreement)
{
	if (!agreement.sums)
		return " The sums or journals of the headers and lines, or the digest of the lines, differ.";
	return psprintf("%s%s",
					agreement.headers
						? ""
						: differs("the headers", header, post->header_columns, post->header_types),
					agreement.added ? ""
									: differs("columns added to the lines", line,
											  post->added_columns, post->added_types));
}

/* What was written must be what expand recorded. */
static void
check_written(Post *post, Relation header, Relation line)
{
	Agreement agreement;
	Recorded expected = {0};
	Recorded found = {0};

	load_recorded(post, &expected);
	for (int i = 0; i < post->nmonths; i++)
	{
		found.journals += post->months[i].journals;
		line_sum_add_sum(&found.lines, &post->months[i].lines);
	}
	agreement.sums =
		expected.journals == found.journals && expected.lines.lines == found.lines.lines &&
		expected.lines.debit == found.lines.debit && expected.lines.credit == found.lines.credit &&
		expected.lines.lines == post->header_lines && expected.lines.debit == post->header_debit &&
		expected.lines.credit == post->header_credit &&
		found.lines.journals == post->header_journals &&
		digest_equal(expected.lines.digest, found.lines.digest);
	agreement.headers =
		!post->has_header_digest || digest_equal(post->header_digest, post->headers);
	agreement.added =
		!post->has_added_digest || digest_equal(post->added_digest, found.lines.added);
	if (agreement.sums && agreement.headers && agreement.added)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_LE_OUT_OF_BALANCE),
			 errmsg("staging of run " INT64_FORMAT " is not what was expanded", post->run_id),
			 errdetail("Expanded: " INT64_FORMAT " journals, " INT64_FORMAT
					   " lines. Staging: " INT64_FORMAT " journals, " INT64_FORMAT " lines.%s",
					   expected.journals, expected.lines.lines, found.journals, found.lines.lines,
					   expected.lines.lines == found.lines.lines
						   ? differences(post, header, line, agreement)
						   : ""),
			 errhint("See acct.validate_run(). Discard the run and create it again.")));
}

/* The sums by account, by which balances are moved, of a month: they must come to what was written of it. */
static void
check_totals(TupleTableSlot *slot, void *arg)
{
	Post *post = arg;
	const LedgerMonth *month = post_find_month(post, DatumGetDateADT(query_value(slot, 0, 0)));
	int64 lines = DatumGetInt64(query_value(slot, 1, 0));
	Amount debit;
	Amount credit;

	if (lines == month->lines.lines && amount_from_any(query_value(slot, 2, 0), &debit) &&
		amount_from_any(query_value(slot, 3, 0), &credit) && debit == month->lines.debit &&
		credit == month->lines.credit)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_LE_OUT_OF_BALANCE),
			 errmsg("totals of run " INT64_FORMAT " are not those of its lines", post->run_id),
			 errdetail("In month %d the totals have " INT64_FORMAT
					   " lines, debit %s, credit %s. Staging has " INT64_FORMAT " lines.",
					   month->yyyymm, lines, query_text(slot, 4), query_text(slot, 5),
					   month->lines.lines),
			 errhint("See acct.validate_run(). Discard the run and create it again.")));
}

static void
check_months(Post *post)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(post->run_id));
	query_each_row_kept(
		"SELECT s.*, trim_scale(s.debit)::text, trim_scale(s.credit)::text "
		"FROM (SELECT t.je_month, sum(t.line_count)::bigint, coalesce(sum(t.debit), 0) AS debit, "
		"coalesce(sum(t.credit), 0) AS credit "
		"FROM acct.journal_run_total t WHERE t.run_id = $1 GROUP BY t.je_month) AS s",
		&args, check_totals, post);
}

static void
return_months(Post *post, ReturnSetInfo *rsinfo, double elapsed_ms)
{
	int64 all = 0;

	for (int i = 0; i < post->nmonths; i++)
		all += post->months[i].lines.lines;
	for (int i = 0; i < post->nmonths; i++)
	{
		LedgerMonth *m = &post->months[i];
		Datum values[6];
		bool nulls[6] = {false};

		values[0] = DateADTGetDatum(m->first_day);
		values[1] = Int64GetDatum(m->journals);
		values[2] = Int64GetDatum(m->lines.lines);
		values[3] = amount_to_new_numeric(m->lines.debit);
		values[4] = amount_to_new_numeric(m->lines.credit);
		/* Months are written side by side; each is charged by its lines. */
		values[5] = Float8GetDatum(all > 0 ? elapsed_ms * m->lines.lines / all : 0);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* Headers are written while workers copy lines, where their table allows it. */
static void
post_rows(Post *post, Relation header, Relation line)
{
	HeaderPass *headers = post_headers_open(post, header);
	LinePass *lines = post_lines_open(post, line);
	bool headers_first = !post_headers_only_store(headers);

	if (headers_first)
		post_headers_write(headers);
	CRASH_POINT("post_reserved");
	post_lines_launch(lines);
	if (!headers_first)
		post_headers_write(headers);
	post_lines_copy(lines);
	CRASH_POINT("post_pages_written");
	post_lines_write_rest(lines);
	post_lines_seal(lines);
	post_lines_close(lines);
	post_headers_close(headers);
	CRASH_POINT("post_rows_written");
	index_builds_run(&post->index_builds);
}

Datum
ledger_post(PG_FUNCTION_ARGS)
{
	Post *post = palloc0_object(Post);
	Relation header;
	Relation line;
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
	post_run_load(post, PG_GETARG_ARRAYTYPE_P(3), PG_GETARG_ARRAYTYPE_P(4),
				  PG_GETARG_ARRAYTYPE_P(5), PG_GETARG_ARRAYTYPE_P(6));

	header = table_open(PG_GETARG_OID(1), AccessShareLock);
	line = table_open(PG_GETARG_OID(2), AccessShareLock);
	post->seals = post_seals_open(post);
	post->snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(post->snapshot);
	CRASH_POINT("post_opened");
	progress_phase(PHASE_WRITING_ENTRIES, progress_rows_of_step());
	post_rows(post, header, line);
	PopActiveSnapshot();
	UnregisterSnapshot(post->snapshot);
	check_written(post, header, line);
	check_months(post);
	table_close(line, NoLock);
	table_close(header, NoLock);
	CRASH_POINT("post_checked");
	post_seals_write(post->seals);
	post_seals_close(post->seals);
	CRASH_POINT("post_sealed");
	query_close();

	MemoryContextSwitchTo(caller);
	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, start);
	return_months(post, (ReturnSetInfo *) fcinfo->resultinfo, INSTR_TIME_GET_MILLISEC(elapsed));
	MemoryContextDelete(post->context);
	PG_RETURN_VOID();
}

Datum
ledger_flush_wal(PG_FUNCTION_ARGS)
{
	if (!XLogRecPtrIsInvalid(XactLastRecEnd))
		XLogFlush(XactLastRecEnd);
	PG_RETURN_VOID();
}
