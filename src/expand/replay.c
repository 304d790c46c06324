/*
 * replay.c
 *		acct._replay(): what a run's transactions come to by a policy, counted and digested as an
 *		expansion does it, and nothing is written; acct._replay_lines(): their lines.
 */
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/expand.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_replay);
LEDGER_FUNCTION(ledger_replay_lines);

/* p_run_id, p_policy */
enum
{
	ARG_RUN_ID,
	ARG_POLICY
};

/* The columns of a line. */
enum
{
	REPLAYED_TXN_ID,
	REPLAYED_BASIS,
	REPLAYED_NO,
	REPLAYED_DATE,
	REPLAYED_ENTITY,
	REPLAYED_ACCOUNT,
	REPLAYED_FUND,
	REPLAYED_CURRENCY,
	REPLAYED_PRODUCT,
	REPLAYED_CHANNEL,
	REPLAYED_DEBIT,
	REPLAYED_CREDIT,
	REPLAYED_COLUMNS
};

typedef struct LineSink
{
	Expand *expand;
	ReturnSetInfo *rsinfo;
} LineSink;

static void
put_line(const Transaction *txn, int basis, const Journal *journal, int i, void *arg)
{
	LineSink *sink = arg;
	const Candidate *candidate = journal->candidate;
	Datum values[REPLAYED_COLUMNS];
	bool isnull[REPLAYED_COLUMNS] = {false};

	values[REPLAYED_TXN_ID] = Int64GetDatum(txn->txn_id);
	values[REPLAYED_BASIS] = sink->expand->basis_codes[basis];
	values[REPLAYED_NO] = Int16GetDatum(candidate->template->lines[i].line_no);
	values[REPLAYED_DATE] = DateADTGetDatum(route_je_date(txn->route, basis, txn->value_date));
	values[REPLAYED_ENTITY] = txn->route->codes[ROUTE_ENTITY];
	values[REPLAYED_ACCOUNT] = code_to_datum(candidate->lines[i].account_code);
	values[REPLAYED_FUND] = code_to_datum(candidate->lines[i].fund);
	values[REPLAYED_CURRENCY] = txn->route->codes[ROUTE_CURRENCY];
	values[REPLAYED_PRODUCT] = txn->route->codes[ROUTE_PRODUCT];
	values[REPLAYED_CHANNEL] = txn->route->codes[ROUTE_CHANNEL];
	values[REPLAYED_DEBIT] = amount_to_new_numeric(journal->lines[i].debit);
	values[REPLAYED_CREDIT] = amount_to_new_numeric(journal->lines[i].credit);
	tuplestore_putvalues(sink->rsinfo->setResult, sink->rsinfo->setDesc, values, isnull);
}

/* Runs through the transactions; lives in the current context. */
static Expand *
replay(FunctionCallInfo fcinfo, LineSink *sink)
{
	Expand *expand = expand_open(CurrentMemoryContext, PG_GETARG_INT64(ARG_RUN_ID),
								 PointerGetDatum(PG_GETARG_ARRAYTYPE_P_COPY(ARG_POLICY)),
								 InvalidOid, InvalidOid, NULL);

	if (sink != NULL)
	{
		sink->expand = expand;
		expand->take_line = put_line;
		expand->take_line_arg = sink;
		expand->rows = NULL;
	}
	expand_all(expand, AIM_REPLAY);
	expand_close(expand);
	return expand;
}

static void
require_arguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_RUN_ID) || PG_ARGISNULL(ARG_POLICY))
		elog(ERROR, "a replay needs a run and a policy");
}

Datum
ledger_replay(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "replay", ALLOCSET_DEFAULT_SIZES);
	TupleDesc tupdesc;
	Datum values[7];
	bool nulls[7] = {false};
	char digest[DIGEST_TEXT_SIZE];
	Expand *expand;
	Counts counts;
	int scope;

	require_arguments(fcinfo);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a replay is returned as a row");
	query_open();
	MemoryContextSwitchTo(context);
	scope = settings_scope_open_pinned();
	expand = replay(fcinfo, NULL);
	counts = run_tally_headers_sum(&expand->tally);
	settings_scope_close(scope);
	query_close();
	MemoryContextSwitchTo(caller);
	values[0] = Int64GetDatum(counts.transactions);
	values[1] = Int64GetDatum(counts.journals);
	values[2] = Int64GetDatum(counts.lines);
	values[3] = Int64GetDatum(counts.exceptions);
	values[4] = Int64GetDatum(counts.ignored);
	digest_to_text(expand->tally.lines, digest);
	values[5] = CStringGetTextDatum(digest);
	digest_to_text(expand->tally.source_rows, digest);
	values[6] = CStringGetTextDatum(digest);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

Datum
ledger_replay_lines(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "replay", ALLOCSET_DEFAULT_SIZES);
	LineSink sink = {0};
	int scope;

	require_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	sink.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	query_open();
	MemoryContextSwitchTo(context);
	scope = settings_scope_open_pinned();
	(void) replay(fcinfo, &sink);
	settings_scope_close(scope);
	query_close();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
