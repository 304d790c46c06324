/*
 * expand.c
 *		acct._expand(): source transactions to journals in staging.
 *
 * One pass over the run's source rows:
 *
 *	the executor hands over a row -> its route -> for each basis a journal ->
 *	a header and lines into two bulk writers, or a row of je_exception
 *
 * Policy (templates, accounts, currencies, periods) is read before the pass.
 * Policy and source are read under one snapshot, in workers too. It is taken
 * when the expansion has every lock that it could have to wait for.
 * Memory: policy and routes, which are bounded, in the function's context;
 * what a row needs in a per-row context that is reset after it; what the
 * writers buffer in theirs. Nothing grows with the number of rows.
 */
#include "expand/expand.h"

#include "common/crash_point.h"
#include "common/progress.h"

#include "access/parallel.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Of a source partition. */
#define ROW_OF_CRASH_POINT 100

StaticAssertDecl(2 * MAX_MONTHS_APART + 1 <= JE_ID_MAX_MONTHS, "room for the months of a run");

/* The tables that an expansion reads, apart from the source. */
static const char *const tables_read[] = {"accounting_basis",
										  "accounting_period",
										  "archived_partition",
										  "chart_of_accounts",
										  "currency",
										  "entity",
										  "fund",
										  "journal_run",
										  "journal_run_batch",
										  "journal_template",
										  "journal_template_line",
										  "journal_template_match",
										  "posting_limit",
										  "policy_change",
										  "product_account_map"};

LEDGER_FUNCTION(ledger_expand);

void
counts_add(Counts *counts, const Counts *more)
{
	counts->transactions += more->transactions;
	counts->journals += more->journals;
	counts->lines += more->lines;
	counts->exceptions += more->exceptions;
	counts->ignored += more->ignored;
	for (int i = 0; i < EXCEPTION_REASONS; i++)
		counts->by_reason[i] += more->by_reason[i];
	counts->debit += more->debit;
	counts->credit += more->credit;
}

static void
count_journal(Expand *expand, int basis)
{
	Journal *journal = expand->journal;
	Counts *counts = &expand->current->counts;

	counts->journals++;
	counts->lines += journal->nlines;
	counts->debit += journal->debit;
	counts->credit += journal->credit;
	expand->basis_counts[basis].journals++;
	if (journal->debit != journal->credit)
		expand->unbalanced++;
}

/* Time runs for the partition that the last row came from. */
static void
count_time(Expand *expand)
{
	instr_time now;
	instr_time spent;

	INSTR_TIME_SET_CURRENT(now);
	if (expand->current != NULL)
	{
		spent = now;
		INSTR_TIME_SUBTRACT(spent, expand->current_since);
		expand->current->elapsed_ms += INSTR_TIME_GET_MILLISEC(spent);
	}
	expand->current_since = now;
}

PartitionCounts *
expand_partition(Expand *expand, Oid partition)
{
	PartitionCounts *p;

	for (p = expand->partitions; p != NULL && p->partition != partition; p = p->next)
		;
	if (p == NULL)
	{
		p = MemoryContextAllocZero(expand->context, sizeof(PartitionCounts));
		p->partition = partition;
		p->next = expand->partitions;
		expand->partitions = p;
	}
	return p;
}

static void
enter_partition(Expand *expand, Oid partition)
{
	if (expand->current != NULL && expand->current->partition == partition)
		return;
	count_time(expand);
	expand->current = expand_partition(expand, partition);
}

void
expand_row(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->row_context);
	Transaction txn;

	source_read(&expand->source, expand->routing, slot, &txn);
	if (expand->rows != NULL)
		row_digest_add(expand->rows, slot->tts_values, slot->tts_isnull, &expand->source_digest);
	enter_partition(expand, txn.partition);
	expand->current->counts.transactions++;
	if (expand->current->counts.transactions == ROW_OF_CRASH_POINT)
	{
		if (IsParallelWorker())
			CRASH_POINT("expand_worker_row");
		else
			CRASH_POINT("expand_row");
	}
	expand->at_txn_id = txn.txn_id;
	expand->econtext->ecxt_scantuple = slot;

	for (int basis = 0; basis < expand->nbases; basis++)
	{
		if (!expand->pass->takes_basis[basis])
			continue;
		switch (journal_build(expand->journal, txn.route, basis, expand->every_transaction[basis],
							  txn.value_date, txn.bad_date))
		{
			case JOURNAL_MADE:
				staging_put_journal(expand->staging, &txn, basis, expand->journal);
				count_journal(expand, basis);
				break;
			case JOURNAL_IGNORED:
				expand->current->counts.ignored++;
				expand->basis_counts[basis].ignored++;
				break;
			case JOURNAL_EXCEPTION:
				staging_put_exception(expand->staging, &txn, basis, expand->journal);
				expand->current->counts.exceptions++;
				expand->current->counts.by_reason[expand->journal->exception.reason]++;
				expand->basis_counts[basis].exceptions++;
				break;
			case JOURNAL_NOT_IN_BASIS:
				break;
		}
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(expand->econtext);
	progress_add(1);
}

static void
take_run(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;

	expand->txn_month = DatumGetDateADT(query_value(slot, 0, 0));
	expand->reprocess_of = DatumGetInt64(query_value(slot, 1, Int64GetDatum(0)));
	expand->je_range = DatumGetInt64(query_value(slot, 2, Int64GetDatum(0)));
	expand->is_small = DatumGetBool(query_value(slot, 3, BoolGetDatum(false)));
}

static void
take_basis(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->context);
	int b = expand->nbases++;
	int count = (int) DatumGetInt64(query_value(slot, 2, 0));

	if (b == 0)
	{
		expand->bases = palloc_array(Code, count);
		expand->basis_codes = palloc_array(Datum, count);
		expand->every_transaction = palloc_array(bool, count);
		expand->basis_counts = palloc0_array(Counts, count);
	}
	expand->bases[b] = code_from_cstring(query_text(slot, 0));
	expand->basis_codes[b] = code_to_datum(expand->bases[b]);
	expand->every_transaction[b] = DatumGetBool(query_value(slot, 1, 0));
	MemoryContextSwitchTo(old);
}

static void
load_run(Expand *expand)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_each_row(
		"SELECT txn_month, reprocess_of, je_range, acct._is_small_run(run_id) FROM acct.journal_run "
		"WHERE run_id = $1",
		&args, take_run, expand);
	query_each_row(
		"SELECT b.basis, b.every_transaction, count(*) OVER () FROM acct.journal_run r "
		"JOIN acct.accounting_basis b ON b.basis = ANY (r.bases) WHERE r.run_id = $1 ORDER BY 1",
		&args, take_basis, expand);
}

static void
take_pass(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->context);
	Pass *pass = palloc0_object(Pass);
	Datum *names;
	int count;

	pass->bases = datumCopy(query_value(slot, 0, (Datum) 0), false, -1);
	if (expand->reprocess_of == 0)
		pass->batches = datumCopy(query_value(slot, 1, (Datum) 0), false, -1);
	pass->takes_basis = palloc0_array(bool, expand->nbases);
	deconstruct_array(DatumGetArrayTypeP(pass->bases), TEXTOID, -1, false, TYPALIGN_INT, &names,
					  NULL, &count);
	for (int i = 0; i < count; i++)
		for (int b = 0; b < expand->nbases; b++)
			if (code_equal(code_from_datum(names[i]), expand->bases[b]))
				pass->takes_basis[b] = true;
	expand->passes = lappend(expand->passes, pass);
	MemoryContextSwitchTo(old);
}

/* Each batch, or where transactions are taken up again each of these, is in one pass: that of its bases. */
static void
plan_passes(Expand *expand)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	if (expand->reprocess_of == 0)
		query_each_row(
			"SELECT c.bases, array_agg(c.batch_id) FROM "
			"(SELECT batch_id, array_agg(basis ORDER BY basis) AS bases "
			"FROM acct.journal_run_batch WHERE run_id = $1 GROUP BY batch_id) AS c GROUP BY c.bases",
			&args, take_pass, expand);
	else
		query_each_row("SELECT DISTINCT array_agg(basis ORDER BY basis) FROM acct._taken_again($1) "
					   "GROUP BY txn_id, txn_month",
					   &args, take_pass, expand);
}

/*
 * What a pass over batches reads from. Of a run that took part of a month it is the month's own
 * table, with a condition on the month that no index serves: the planner, which
 * may have no statistics, could take the key's for the index of batches.
 */
static char *
batch_rows(Expand *expand)
{
	List *leaves = expand->is_small ? source_leaves(expand->source_table, expand->txn_month) : NIL;
	Oid leaf;

	if (list_length(leaves) != 1)
		return "acct.txn_source_parent s WHERE s.txn_month = $1";
	leaf = linitial_oid(leaves);
	return psprintf("ONLY %s s WHERE s.txn_month IS NOT DISTINCT FROM $1",
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(leaf)),
											   get_rel_name(leaf)));
}

static void
run_pass(Expand *expand, Pass *pass, const char *list)
{
	QueryArgs args = {0};

	expand->pass = pass;
	query_arg(&args, DATEOID, DateADTGetDatum(expand->txn_month));
	if (expand->reprocess_of == 0)
	{
		query_arg(&args, INT8ARRAYOID, pass->batches);
		query_each_row(
			psprintf("SELECT %s FROM %s AND s.batch_id = ANY ($2)", list, batch_rows(expand)),
			&args, expand_row, expand);
		return;
	}
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_arg(&args, TEXTARRAYOID, pass->bases);
	query_each_row(psprintf("SELECT %s FROM (SELECT txn_id, txn_month FROM acct._taken_again($2) "
							"GROUP BY txn_id, txn_month "
							"HAVING array_agg(basis ORDER BY basis) = $3) AS e "
							"JOIN acct.txn_source_parent s USING (txn_id, txn_month) "
							"WHERE s.txn_month = $1",
							list),
				   &args, expand_row, expand);
}

/* Says of an error where it happened. */
static void
describe_position(void *arg)
{
	Expand *expand = arg;

	if (expand->at_txn_id != 0)
		errcontext("expanding run " INT64_FORMAT ", transaction " INT64_FORMAT, expand->run_id,
				   expand->at_txn_id);
	else
		errcontext("expanding run " INT64_FORMAT, expand->run_id);
}

void
expand_run(Expand *expand, void (*work)(Expand *expand, void *arg), void *arg)
{
	ErrorContextCallback position = {.callback = describe_position, .arg = expand};

	position.previous = error_context_stack;
	error_context_stack = &position;
	work(expand, arg);
	error_context_stack = position.previous;
}

/* Where a run took little of a month, its rows are found by index. */
static void
read_by_index(Expand *expand)
{
	static const char *const off[] = {"enable_seqscan", "jit"};

	if (!expand->is_small)
		return;
	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
								 0, false);
}

static void
run_passes(Expand *expand, void *arg)
{
	char *list = source_select_list(expand->source_table);
	ListCell *lc;

	read_by_index(expand);
	foreach(lc, expand->passes)
		run_pass(expand, lfirst(lc), list);
}

static char *
basis_counts_json(Expand *expand)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int b = 0; b < expand->nbases; b++)
	{
		Counts *c = &expand->basis_counts[b];

		if (b > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, expand->bases[b].data);
		appendStringInfo(&json,
						 ": {\"journals\": " INT64_FORMAT ", \"exceptions\": " INT64_FORMAT
						 ", \"ignored\": " INT64_FORMAT "}",
						 c->journals, c->exceptions, c->ignored);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The months whose journals lie in the run's own range, as date[]. */
static Datum
range_months(Expand *expand)
{
	Datum months[JE_ID_MAX_MONTHS];
	int count = 0;

	for (int i = 0; i < expand->ids.nmonths; i++)
		if (expand->ids.months[i].uses_range)
			months[count++] = DateADTGetDatum(expand->ids.months[i].month);
	return PointerGetDatum(construct_array(months, count, DATEOID, 4, true, TYPALIGN_INT));
}

/* Which source rows the run used: their digest, and the columns that it is of. */
static void
save_source_digest(Expand *expand)
{
	QueryArgs args = {0};
	char digest[DIGEST_TEXT_SIZE];

	if (expand->rows == NULL)
		return;
	digest_to_text(expand->source_digest, digest);
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_arg(&args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(&args, TEXTARRAYOID, row_digest_names(expand->rows));
	query_arg(&args, TEXTARRAYOID, row_digest_types(expand->rows));
	query_change("UPDATE acct.journal_run SET source_digest = $2, source_columns = $3, "
				 "source_types = $4 WHERE run_id = $1",
				 &args);
}

/* Each transaction became a journal, an exception or is ignored, in each basis that takes every transaction. */
static bool PG_USED_FOR_ASSERTS_ONLY
counts_close(Expand *expand, const Counts *sum)
{
	Counts of_bases = {0};

	for (int b = 0; b < expand->nbases; b++)
		counts_add(&of_bases, &expand->basis_counts[b]);
	return of_bases.journals == sum->journals && of_bases.exceptions == sum->exceptions &&
		   of_bases.ignored == sum->ignored &&
		   sum->journals + sum->exceptions + sum->ignored <= sum->transactions * expand->nbases;
}

static void
save_run(Expand *expand)
{
	QueryArgs args = {0};
	Counts sum = {0};
	char digest[DIGEST_TEXT_SIZE];

	for (PartitionCounts *p = expand->partitions; p != NULL; p = p->next)
		counts_add(&sum, &p->counts);
	Assert(counts_close(expand, &sum));
	Assert(run_total_comes_to(&expand->totals, sum.lines, sum.debit, sum.credit));
	Assert(expand->unbalanced > 0 || sum.debit == sum.credit);
	digest_to_text(expand->digest, digest);
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_arg(&args, INT8OID, Int64GetDatum(sum.transactions));
	query_arg(&args, INT8OID, Int64GetDatum(sum.journals));
	query_arg(&args, INT8OID, Int64GetDatum(sum.lines));
	query_arg(&args, INT8OID, Int64GetDatum(sum.exceptions));
	query_arg(&args, INT8OID, Int64GetDatum(sum.ignored));
	query_arg(&args, INT8OID, Int64GetDatum(expand->unbalanced));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.debit));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.credit));
	query_arg(&args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(&args, TEXTOID, CStringGetTextDatum(basis_counts_json(expand)));
	query_arg(&args, DATEARRAYOID, range_months(expand));
	query_change(
		"UPDATE acct.journal_run SET transactions = $2, journals = $3, lines = $4, exceptions = $5, "
		"ignored = $6, unbalanced_journals = $7, debit = $8, credit = $9, digest = $10, "
		"basis_counts = $11::jsonb, range_months = $12 WHERE run_id = $1",
		&args);
}

static void
take_policy(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->context);

	expand->policy_sums = query_text(slot, 0);
	expand->minor_units = query_text(slot, 1);
	expand->basis_policy = query_text(slot, 2);
	MemoryContextSwitchTo(old);
}

/* What identifies the policy that the snapshot shows. The layout of 0.1.0 does not keep it. */
static void
load_policy(Expand *expand)
{
	QueryArgs args = {0};

	if (!OidIsValid(get_relname_relid("policy_change", ledger_engine_schema())))
		return;
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_each_row(
		"SELECT acct._policy_kept()::text, (SELECT coalesce(jsonb_object_agg(currency, minor_units), '{}')::text "
		"FROM acct.currency), coalesce(acct._basis_policy($1), '{}')::text",
		&args, take_policy, expand);
}

/* By which policy, and by which code, the run was expanded. */
static void
save_policy(Expand *expand)
{
	QueryArgs args = {0};

	if (expand->policy_sums == NULL)
		return;
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_arg(&args, TEXTOID, CStringGetTextDatum(expand->policy_sums));
	query_arg(&args, TEXTOID, CStringGetTextDatum(expand->minor_units));
	query_arg(&args, TEXTOID, CStringGetTextDatum(LEDGER_ENGINE_VERSION));
	query_arg(&args, TEXTOID, CStringGetTextDatum(expand->basis_policy));
	query_change(
		"UPDATE acct.journal_run SET policy_sums = $2::jsonb, policy_digest = acct._policy_digest($2::jsonb), "
		"minor_units = (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each($3::jsonb) m "
		"WHERE m.key IN (SELECT t.currency FROM acct.journal_run_total t WHERE t.run_id = $1)), "
		"engine_version = $4, basis_policy = $5::jsonb WHERE run_id = $1",
		&args);
}

/* Exceptions by reason, as jsonb. */
static Datum
reasons_jsonb(const Counts *counts)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < EXCEPTION_REASONS; i++)
		if (counts->by_reason[i] > 0)
			appendStringInfo(&json, "%s\"%s\": " INT64_FORMAT, json.len > 1 ? ", " : "",
							 exception_name(i), counts->by_reason[i]);
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* The first nine columns, or with exceptions by reason ten: version 0.1.0 of the SQL has nine. */
static void
return_counts(Expand *expand, ReturnSetInfo *rsinfo)
{
	for (PartitionCounts *p = expand->partitions; p != NULL; p = p->next)
	{
		Datum values[10];
		bool nulls[10] = {false};
		char *name = get_rel_name(p->partition);

		values[0] = CStringGetTextDatum(name ? name : "-");
		values[1] = Int64GetDatum(p->counts.transactions);
		values[2] = Int64GetDatum(p->counts.journals);
		values[3] = Int64GetDatum(p->counts.lines);
		values[4] = Int64GetDatum(p->counts.exceptions);
		values[5] = Int64GetDatum(p->counts.ignored);
		values[6] = amount_to_new_numeric(p->counts.debit);
		values[7] = amount_to_new_numeric(p->counts.credit);
		values[8] = Float8GetDatum(p->elapsed_ms);
		values[9] = reasons_jsonb(&p->counts);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

Expand *
expand_open(MemoryContext context, int64 run_id, Oid header, Oid line, const StagingHelper *helper)
{
	Expand *expand = palloc0_object(Expand);

	expand->context = context;
	expand->run_id = run_id;
	expand->header = header;
	expand->line = line;
	expand->estate = CreateExecutorState();
	expand->econtext = GetPerTupleExprContext(expand->estate);
	expand->row_context = expand->econtext->ecxt_per_tuple_memory;
	INSTR_TIME_SET_CURRENT(expand->current_since);
	expand->source_table = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	load_run(expand);
	source_find_columns(expand->source_table, &expand->source);
	if (get_attnum(ledger_engine_table("journal_run"), "source_digest") != InvalidAttrNumber)
		expand->rows = row_digest_open(RelationGetDescr(expand->source_table), (Datum) 0);
	run_total_init(&expand->totals, context);
	expand->routing = routing_load(expand->source_table, expand->txn_month, expand->nbases,
								   expand->bases, &expand->totals);
	expand->journal = journal_create(expand->routing, expand->econtext);
	je_id_open(&expand->ids, expand->je_range, expand->txn_month);
	expand->staging = staging_open(run_id, expand->basis_codes, expand->source_table, header, line,
								   &expand->ids, helper);
	plan_passes(expand);
	return expand;
}

static void
take_month(TupleTableSlot *slot, void *arg)
{
	*(DateADT *) arg = DatumGetDateADT(query_value(slot, 0, 0));
}

/*
 * Takes the locks that the queries of an expansion and its writers would take, so
 * that nothing waits any more once the snapshot is there: what others commit
 * before a wait ends is seen by all of it, what they commit later by none.
 */
static void
lock_tables(int64 run_id)
{
	Relation source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	DateADT txn_month = 0;
	QueryArgs args = {0};

	for (int i = 0; i < lengthof(tables_read); i++)
	{
		/* The layout of 0.1.0 has not all of them. */
		Oid table = get_relname_relid(tables_read[i], ledger_engine_schema());

		if (OidIsValid(table))
			LockRelationOid(table, AccessShareLock);
	}
	LockRelationOid(ledger_engine_table("je_exception"), RowExclusiveLock);
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_each_row("SELECT txn_month FROM acct.journal_run WHERE run_id = $1", &args, take_month,
				   &txn_month);
	(void) source_leaves(source, txn_month);
	table_close(source, NoLock);
}

void
expand_close(Expand *expand)
{
	journal_close(expand->journal);
	expand->digest = staging_close(expand->staging);
	count_time(expand);
	table_close(expand->source_table, AccessShareLock);
	FreeExecutorState(expand->estate);
}

Datum
ledger_expand(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "expand", ALLOCSET_DEFAULT_SIZES);
	Expand *expand;
	Digest of_helpers;
	int pinned;

	InitMaterializedSRF(fcinfo, 0);
	query_open();
	MemoryContextSwitchTo(context);
	pinned = expression_pin_settings();
	progress_phase(PHASE_READING_POLICY, PROGRESS_NO_ROWS);
	lock_tables(PG_GETARG_INT64(0));
	PushActiveSnapshot(GetTransactionSnapshot());
	expand = expand_open(context, PG_GETARG_INT64(0), PG_GETARG_OID(1), PG_GETARG_OID(2), NULL);
	load_policy(expand);
	CRASH_POINT("expand_opened");
	progress_phase(PHASE_READING_SOURCE, progress_rows_of_step());
	if (!expand_in_parallel(expand))
		expand_run(expand, run_passes, NULL);
	CRASH_POINT("expand_rows_done");
	progress_phase(PHASE_RECORDING_TOTALS, PROGRESS_NO_ROWS);
	of_helpers = expand->digest;
	expand_close(expand);
	PopActiveSnapshot();
	digest_add(&expand->digest, of_helpers);
	CRASH_POINT("expand_written");
	run_total_save(&expand->totals, expand->run_id);
	save_run(expand);
	save_source_digest(expand);
	save_policy(expand);
	CRASH_POINT("expand_recorded");
	expression_unpin_settings(pinned);
	query_close();

	MemoryContextSwitchTo(caller);
	return_counts(expand, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
