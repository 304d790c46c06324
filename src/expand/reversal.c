/*
 * reversal.c
 *		acct._expand_reversal(): posted journals to their reversals in staging.
 *
 * Which journals a run reverses is claimed when it is created, by stretches of
 * identifiers (acct.journal_reversal). Their headers and lines are read where
 * they lie: in the ledger or in its archive, a large run's lines by page, others
 * by index. No policy is asked: what was posted can be reversed.
 * Memory: what maps the stretches to new ones, totals, and a row.
 */
#include "common/ledger_engine.h"

#include "common/crash_point.h"
#include "common/month.h"
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/mirror.h"
#include "expand/run_record.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_expand_reversal);

/* Rows of the ledger that hold the journals, or some of them. */
typedef struct ReversalSource
{
	bool is_header;
	Oid table;
	char *query; /* NULL: the table is read by page */
} ReversalSource;

typedef struct Reversal
{
	MirrorRun run;
	MemoryContext context;
	int64 je_range;
	int64 claimed; /* journals */
	List *sources; /* of ReversalSource */
	RunTally tally;
	Mirror *mirror;
	Oid table; /* that rows are read from */
} Reversal;

static void
take_run(TupleTableSlot *slot, void *arg)
{
	Reversal *reversal = arg;

	reversal->run.je_date = DatumGetDateADT(query_value(slot, 0, 0));
	reversal->je_range = DatumGetInt64(query_value(slot, 1, Int64GetDatum(0)));
}

static void
take_claim(TupleTableSlot *slot, void *arg)
{
	Reversal *reversal = arg;

	reversal->claimed += DatumGetInt64(query_value(slot, 2, 0));
	journal_map_add(&reversal->run.map, &reversal->run.ids, reversal->run.je_month,
					DatumGetInt64(query_value(slot, 0, 0)), DatumGetInt64(query_value(slot, 1, 0)));
}

static void
take_source(TupleTableSlot *slot, void *arg)
{
	Reversal *reversal = arg;
	MemoryContext old = MemoryContextSwitchTo(reversal->context);
	ReversalSource *source = palloc0_object(ReversalSource);

	source->is_header = DatumGetBool(query_value(slot, 0, 0));
	source->table = DatumGetObjectId(query_value(slot, 1, 0));
	source->query = query_text(slot, 2);
	reversal->sources = lappend(reversal->sources, source);
	MemoryContextSwitchTo(old);
}

/* The run, and which journals it reverses. */
static void
load_run(Reversal *reversal)
{
	MirrorRun *run = &reversal->run;
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(run->run_id));
	query_each_row("SELECT je_date, je_range FROM acct.journal_run WHERE run_id = $1", &args,
				   take_run, reversal);
	run_bases_load(&run->bases, run->run_id);
	run->je_month = month_of(run->je_date);
	je_id_open(&run->ids, reversal->je_range, run->je_month);
	journal_map_init(&run->map, reversal->context);
	query_each_row("SELECT lower(je_ids), upper(je_ids), journals FROM acct.journal_reversal "
				   "WHERE run_id = $1 AND released_at IS NULL ORDER BY lower(je_ids)",
				   &args, take_claim, reversal);
	query_each_row("SELECT is_header, relation::oid, query FROM acct._reversal_sources($1)", &args,
				   take_source, reversal);
}

static void
take_header(TupleTableSlot *slot, void *arg)
{
	Reversal *reversal = arg;

	mirror_header(reversal->mirror, reversal->table, slot);
}

static void
take_line(TupleTableSlot *slot, void *arg)
{
	Reversal *reversal = arg;

	mirror_line(reversal->mirror, slot);
}

static void
read_sources(Reversal *reversal, bool headers)
{
	ListCell *lc;

	foreach(lc, reversal->sources)
	{
		ReversalSource *source = lfirst(lc);

		if (source->is_header != headers)
			continue;
		reversal->table = source->table;
		if (source->query != NULL)
			query_each_row(source->query, NULL, headers ? take_header : take_line, reversal);
		else
			mirror_lines_of(reversal->mirror, source->table, GetActiveSnapshot());
		mirror_forget_source(reversal->mirror);
		if (headers)
			CRASH_POINT("reversal_headers");
		else
			CRASH_POINT("reversal_lines");
	}
}

/* The journals that were claimed are all there, with the lines that their headers promise. */
static void
check_read(Reversal *reversal)
{
	Counts sum = run_tally_headers_sum(&reversal->tally);
	const LineSum *lines = mirror_originals(reversal->mirror);

	if (sum.journals == reversal->claimed && sum.lines == lines->lines &&
		sum.debit == lines->credit && sum.credit == lines->debit)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_LE_OUT_OF_BALANCE),
			 errmsg("the journals that run " INT64_FORMAT " reverses are not as they were posted",
					reversal->run.run_id),
			 errdetail("Claimed: " INT64_FORMAT " journals. Found: " INT64_FORMAT
					   " journals of " INT64_FORMAT " lines, and " INT64_FORMAT " lines%s.",
					   reversal->claimed, sum.journals, sum.lines, lines->lines,
					   sum.lines == lines->lines ? " of other sums" : ""),
			 errhint("See acct.validate_run() of the runs that posted them.")));
}

static void
save_originals(Reversal *reversal)
{
	QueryArgs args = {0};
	char digest[DIGEST_TEXT_SIZE];

	digest_to_text(mirror_originals(reversal->mirror)->digest, digest);
	query_arg(&args, INT8OID, Int64GetDatum(reversal->run.run_id));
	query_arg(&args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(&args, TEXTOID, CStringGetTextDatum(LEDGER_ENGINE_VERSION));
	query_change(
		"UPDATE acct.journal_run SET source_digest = $2, engine_version = $3 WHERE run_id = $1",
		&args);
}

static void
return_counts(Reversal *reversal, ReturnSetInfo *rsinfo)
{
	for (PartitionCounts *p = reversal->tally.partitions; p != NULL; p = p->next)
	{
		Datum values[6];
		bool nulls[6] = {false};
		char *name = get_rel_name(p->partition);

		values[0] = CStringGetTextDatum(name ? name : "-");
		values[1] = Int64GetDatum(p->counts.journals);
		values[2] = Int64GetDatum(p->counts.lines);
		values[3] = amount_to_new_numeric(p->counts.debit);
		values[4] = amount_to_new_numeric(p->counts.credit);
		values[5] = Float8GetDatum(p->elapsed_ms);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

Datum
ledger_expand_reversal(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Reversal *reversal = palloc0_object(Reversal);
	int scope;

	InitMaterializedSRF(fcinfo, 0);
	reversal->context = AllocSetContextCreate(caller, "reversal", ALLOCSET_DEFAULT_SIZES);
	query_open();
	MemoryContextSwitchTo(reversal->context);
	scope = settings_scope_open_pinned();
	reversal->run.run_id = PG_GETARG_INT64(0);
	PushActiveSnapshot(GetTransactionSnapshot());
	load_run(reversal);
	run_tally_init(&reversal->tally, reversal->context, reversal->run.bases.count);
	reversal->mirror =
		mirror_open(&reversal->run, &reversal->tally, PG_GETARG_OID(1), PG_GETARG_OID(2));
	progress_phase(PHASE_READING_SOURCE, progress_rows_of_step());
	read_sources(reversal, true);
	progress_phase(PHASE_WRITING_ENTRIES, run_tally_headers_sum(&reversal->tally).lines);
	read_sources(reversal, false);
	CRASH_POINT("reversal_rows_done");
	progress_phase(PHASE_RECORDING_TOTALS, PROGRESS_NO_ROWS);
	run_tally_stop(&reversal->tally);
	check_read(reversal);
	mirror_close(reversal->mirror);
	PopActiveSnapshot();
	CRASH_POINT("reversal_written");
	run_total_save(&reversal->tally.totals, reversal->run.run_id);
	run_record_save(reversal->run.run_id, &reversal->tally, reversal->run.bases.codes,
					&reversal->run.ids, mirror_header_digest(reversal->mirror),
					mirror_added_digest(reversal->mirror), NULL);
	save_originals(reversal);
	CRASH_POINT("reversal_recorded");
	settings_scope_close(scope);
	query_close();

	MemoryContextSwitchTo(caller);
	return_counts(reversal, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextDelete(reversal->context);
	PG_RETURN_VOID();
}
