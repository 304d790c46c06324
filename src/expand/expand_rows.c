/*
 * expand_rows.c
 *		Source rows to journals (see expand_rows.h).
 */
#include "expand/expand_rows.h"

#include "common/crash_point.h"
#include "common/progress.h"
#include "common/query.h"

#include "access/parallel.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* Of a source partition. */
#define ROW_OF_CRASH_POINT 100

StaticAssertDecl(MAX_MONTHS_APART + 1 + MAX_MONTHS_LATE <= JE_ID_MAX_MONTHS,
				 "room for the months of a run");
StaticAssertDecl(MAX_MONTHS_APART <= MAX_MONTHS_LATE, "late journals go past value dates");

static inline void
take_journal(Expand *expand, const Transaction *txn, int basis)
{
	if (expand->aim == AIM_COMPARE)
	{
		comparison_add_journal(expand->comparison, txn, basis, expand->journal);
		run_tally_compared(&expand->tally, basis);
		return;
	}
	if (expand->aim != AIM_REPLAY)
		staging_put_journal(expand->staging, txn, basis, expand->journal);
	else if (expand->take_line != NULL)
		for (int i = 0; i < expand->journal->candidate->template->nlines; i++)
			if (expand->journal->lines[i].kept)
				expand->take_line(txn, basis, expand->journal, i, expand->take_line_arg);
	if (expand->aim != AIM_STAGE_FOUND)
		run_tally_journal(&expand->tally, txn, basis, expand->journal);
}

static inline void
take_exception(Expand *expand, const Transaction *txn, int basis)
{
	if (expand->aim == AIM_COMPARE)
		comparison_mark(expand->comparison, txn->txn_id, basis);
	else if (expand->aim != AIM_REPLAY)
		staging_put_exception(expand->staging, txn, basis, expand->journal);
	if (expand->aim != AIM_STAGE_FOUND)
		run_tally_exception(&expand->tally, basis, expand->journal->exception.reason);
}

/* Of the bases that the pass takes, does one have to do with this row? */
static inline bool
is_for_basis(const Expand *expand, int64 txn_id, int basis)
{
	return expand->pass->takes_basis[basis] &&
		   (expand->aim != AIM_STAGE_FOUND ||
			line_buckets_in(expand->found, txn_id, expand->basis_numbers[basis]));
}

static bool
is_taken(const Taken *taken, int64 txn_id)
{
	int64 from = 0;
	int64 to = taken->count;

	while (from < to)
	{
		int64 middle = from + (to - from) / 2;

		if (taken->txn_ids[middle] == txn_id)
			return true;
		if (taken->txn_ids[middle] < txn_id)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

static bool
is_found(const Expand *expand, int64 txn_id)
{
	for (int basis = 0; basis < expand->nbases; basis++)
		if (is_for_basis(expand, txn_id, basis))
			return true;
	return false;
}

/* A row that is not to be expanded need not be read. */
static inline bool
is_skipped(const Expand *expand, TupleTableSlot *slot)
{
	bool isnull;
	Datum txn_id;

	if (expand->taken == NULL && expand->aim != AIM_STAGE_FOUND)
		return false;
	txn_id = slot_getattr(slot, expand->source.txn_id, &isnull);
	if (isnull)
		return false;
	if (expand->taken != NULL && !is_taken(expand->taken, DatumGetInt64(txn_id)))
		return true;
	return expand->aim == AIM_STAGE_FOUND && !is_found(expand, DatumGetInt64(txn_id));
}

static void
take_basis_of_row(Expand *expand, const Transaction *txn, int basis)
{
	switch (journal_build(expand->journal, txn->route, basis, expand->every_transaction[basis],
						  txn->value_date, txn->bad_date, txn->oversize))
	{
		case JOURNAL_MADE:
			take_journal(expand, txn, basis);
			break;
		case JOURNAL_IGNORED:
			if (expand->aim != AIM_STAGE_FOUND)
				run_tally_ignored(&expand->tally, basis);
			break;
		case JOURNAL_EXCEPTION:
			take_exception(expand, txn, basis);
			break;
		case JOURNAL_NOT_IN_BASIS:
			break;
	}
}

static void
count_row(Expand *expand, TupleTableSlot *slot, const Transaction *txn)
{
	RunTally *tally = &expand->tally;

	if (expand->rows != NULL)
		row_digest_add(expand->rows, slot->tts_values, slot->tts_isnull, &tally->source_rows);
	run_tally_transaction(tally, txn->partition);
	if (tally->current->counts.transactions == ROW_OF_CRASH_POINT)
	{
		if (IsParallelWorker())
			CRASH_POINT("expand_worker_row");
		else
			CRASH_POINT("expand_row");
	}
}

void
expand_row(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old;
	Transaction txn;

	if (is_skipped(expand, slot))
		return;
	old = MemoryContextSwitchTo(expand->row_context);
	source_read(&expand->source, expand->routing, slot, &txn);
	if (expand->aim != AIM_STAGE_FOUND)
		count_row(expand, slot, &txn);
	expand->at_txn_id = txn.txn_id;
	expand->econtext->ecxt_scantuple = slot;
	for (int basis = 0; basis < expand->nbases; basis++)
		if (is_for_basis(expand, txn.txn_id, basis))
			take_basis_of_row(expand, &txn, basis);
	MemoryContextSwitchTo(old);
	ResetExprContext(expand->econtext);
	progress_add(1);
}

bool
expand_has_kinds(void)
{
	return get_attnum(ledger_engine_table("journal_run"), "origin_run") != InvalidAttrNumber;
}

static void
take_run(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;

	expand->txn_month = DatumGetDateADT(query_value(slot, 0, 0));
	expand->reprocess_of = DatumGetInt64(query_value(slot, 1, Int64GetDatum(0)));
	expand->je_range = DatumGetInt64(query_value(slot, 2, Int64GetDatum(0)));
	expand->is_small = DatumGetBool(query_value(slot, 3, BoolGetDatum(false)));
	expand->moves_late = DatumGetBool(query_value(slot, 4, BoolGetDatum(false)));
	expand->source_run = DatumGetInt64(query_value(slot, 5, Int64GetDatum(expand->run_id)));
	expand->journals = DatumGetInt64(query_value(slot, 6, Int64GetDatum(0)));
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
		expand->basis_numbers = palloc_array(uint64, count);
		expand->every_transaction = palloc_array(bool, count);
	}
	expand->bases[b] = query_code(slot, 0);
	expand->basis_codes[b] = code_to_datum(expand->bases[b]);
	expand->basis_numbers[b] = line_buckets_basis(expand->bases[b]);
	expand->every_transaction[b] = DatumGetBool(query_value(slot, 1, 0));
	MemoryContextSwitchTo(old);
}

static void
load_run(Expand *expand)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_each_row_kept(
		EXPAND_RUN_QUERY("s.txn_month, s.reprocess_of, r.je_range, acct._is_small_run(s.run_id), "
						 "r.options ->> 'late' = 'next_open', s.run_id, s.journals"),
		&args, take_run, expand);
	policy_each_row(
		expand->policy,
		"SELECT b.basis, b.every_transaction, count(*) OVER () FROM acct.journal_run r "
		"JOIN acct.accounting_basis b ON b.basis = ANY (r.bases) WHERE r.run_id = $1 ORDER BY 1",
		&args, take_basis, expand);
}

/* Adds a pass for some bases, text[]. */
static Pass *
add_pass(Expand *expand, Datum bases)
{
	Pass *pass = palloc0_object(Pass);
	Datum *names;
	int count;

	pass->bases = datumCopy(bases, false, -1);
	pass->takes_basis = palloc0_array(bool, expand->nbases);
	deconstruct_array(DatumGetArrayTypeP(pass->bases), TEXTOID, -1, false, TYPALIGN_INT, &names,
					  NULL, &count);
	for (int i = 0; i < count; i++)
		for (int b = 0; b < expand->nbases; b++)
			if (code_equal(code_from_datum(names[i]), expand->bases[b]))
				pass->takes_basis[b] = true;
	expand->passes = lappend(expand->passes, pass);
	return pass;
}

static void
take_pass(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->context);
	Pass *pass = add_pass(expand, query_value(slot, 0, (Datum) 0));

	if (expand->reprocess_of == 0)
		pass->batches = datumCopy(query_value(slot, 1, (Datum) 0), false, -1);
	MemoryContextSwitchTo(old);
}

/* Each batch, or where transactions are taken up again each of these, is in one pass: that of its bases. */
static void
plan_passes(Expand *expand)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(expand->source_run));
	if (expand->reprocess_of == 0)
		query_each_row_kept(
			"SELECT c.bases, array_agg(c.batch_id) FROM "
			"(SELECT batch_id, array_agg(basis ORDER BY basis) AS bases "
			"FROM acct.journal_run_batch WHERE run_id = $1 GROUP BY batch_id) AS c GROUP BY c.bases",
			&args, take_pass, expand);
	else if (expand->nbases == 1)
		add_pass(expand, PointerGetDatum(construct_array(expand->basis_codes, 1, TEXTOID, -1, false,
														 TYPALIGN_INT)));
	else
		query_each_row("SELECT DISTINCT array_agg(basis ORDER BY basis) FROM acct._taken_again($1) "
					   "GROUP BY txn_id, txn_month",
					   &args, take_pass, expand);
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
expand_push_position(Expand *expand)
{
	expand->position.callback = describe_position;
	expand->position.arg = expand;
	expand->position.previous = error_context_stack;
	error_context_stack = &expand->position;
}

void
expand_pop_position(Expand *expand)
{
	Assert(error_context_stack == &expand->position);
	error_context_stack = expand->position.previous;
}

Expand *
expand_open(MemoryContext context, int64 run_id, Datum policy_items, Oid header, Oid line,
			const StagingHelper *helper)
{
	Expand *expand = palloc0_object(Expand);

	/* It is looked at after the last query. */
	Assert(CurrentMemoryContext == context);
	expand->context = context;
	expand->run_id = run_id;
	expand->policy_items = policy_items;
	if (policy_items != (Datum) 0)
		expand->policy = policy_from_array(policy_items);
	expand->header = header;
	expand->line = line;
	expand->estate = CreateExecutorState();
	expand->econtext = GetPerTupleExprContext(expand->estate);
	expand->row_context = expand->econtext->ecxt_per_tuple_memory;
	expand->source_table = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	load_run(expand);
	source_find_columns(expand->source_table, &expand->source);
	if (get_attnum(ledger_engine_table("journal_run"), "source_digest") != InvalidAttrNumber)
		expand->rows = row_digest_open(RelationGetDescr(expand->source_table), (Datum) 0);
	run_tally_init(&expand->tally, context, expand->nbases);
	expand->routing =
		routing_load(expand->source_table, expand->policy, expand->txn_month, expand->moves_late,
					 expand->nbases, expand->bases, &expand->tally.totals);
	/* A correction has a date of its own. */
	if (expand->source_run != expand->run_id)
		routing_open_every_month(expand->routing);
	expand->journal = journal_create(expand->routing, expand->econtext);
	je_id_open(&expand->ids, expand->je_range, expand->txn_month);
	if (OidIsValid(header))
		expand->staging =
			staging_open(run_id, expand->basis_codes, expand->source_table, header, line,
						 &expand->ids, &expand->tally.headers, &expand->tally.added, helper);
	plan_passes(expand);
	return expand;
}

void
expand_close(Expand *expand)
{
	journal_close(expand->journal);
	if (expand->staging != NULL)
		staging_close(expand->staging);
	run_tally_stop(&expand->tally);
	table_close(expand->source_table, AccessShareLock);
	FreeExecutorState(expand->estate);
}
