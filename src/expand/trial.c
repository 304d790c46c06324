/*
 * trial.c
 *		acct._try_transactions(): what the engine makes of transactions that nobody
 *		loaded. Nothing is written.
 *
 * They are evaluated as those of a run are, but that every month is open.
 */
#include "common/ledger_engine.h"

#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/journal.h"
#include "expand/source.h"
#include "policy/policy.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_try_transactions);

/* The columns of a row: a line of a journal, or a transaction without one. */
enum
{
	COLUMN_NUMBER,
	COLUMN_OUTCOME,
	COLUMN_TEMPLATE,
	COLUMN_VERSION,
	COLUMN_REASON,
	COLUMN_MESSAGE,
	COLUMN_LINE_NO,
	COLUMN_ACCOUNT,
	COLUMN_FUND,
	COLUMN_DEBIT,
	COLUMN_CREDIT,
	COLUMNS
};

typedef struct Trial
{
	Relation source;
	SourceColumns columns;
	Routing *routing;
	Journal *journal;
	ExprContext *econtext;
	ReturnSetInfo *rsinfo;
	int number; /* of the transaction, from 1 */
} Trial;

static void
set_value(Datum *values, bool *isnull, int column, Datum value)
{
	values[column] = value;
	isnull[column] = false;
}

static void
put_lines(const Trial *trial, Datum *values, bool *isnull)
{
	const Journal *journal = trial->journal;
	const Candidate *candidate = journal->candidate;

	for (int i = 0; i < candidate->template->nlines; i++)
	{
		if (!journal->lines[i].kept)
			continue;
		set_value(values, isnull, COLUMN_LINE_NO,
				  Int16GetDatum(candidate->template->lines[i].line_no));
		set_value(values, isnull, COLUMN_ACCOUNT, code_to_datum(candidate->lines[i].account_code));
		set_value(values, isnull, COLUMN_FUND, code_to_datum(candidate->lines[i].fund));
		set_value(values, isnull, COLUMN_DEBIT, amount_to_new_numeric(journal->lines[i].debit));
		set_value(values, isnull, COLUMN_CREDIT, amount_to_new_numeric(journal->lines[i].credit));
		tuplestore_putvalues(trial->rsinfo->setResult, trial->rsinfo->setDesc, values, isnull);
	}
}

/* Is what the lines come to known, though there is no journal of them? */
static bool
is_out_of_balance(const Exception *exception)
{
	return exception->reason == EXCEPTION_UNBALANCED ||
		   exception->reason == EXCEPTION_UNBALANCED_FUND;
}

static void
put_outcome(const Trial *trial, JournalOutcome outcome)
{
	static const char *const names[] = {[JOURNAL_MADE] = "journal",
										[JOURNAL_IGNORED] = "ignored",
										[JOURNAL_NOT_IN_BASIS] = "none",
										[JOURNAL_EXCEPTION] = "exception"};
	const Journal *journal = trial->journal;
	Datum values[COLUMNS];
	bool isnull[COLUMNS];

	memset(isnull, true, sizeof(isnull));
	set_value(values, isnull, COLUMN_NUMBER, Int32GetDatum(trial->number));
	set_value(values, isnull, COLUMN_OUTCOME, CStringGetTextDatum(names[outcome]));
	if (journal->candidate != NULL)
	{
		set_value(values, isnull, COLUMN_TEMPLATE, journal->candidate->template->code_datum);
		set_value(values, isnull, COLUMN_VERSION,
				  Int32GetDatum(journal->candidate->template->version));
	}
	if (outcome == JOURNAL_EXCEPTION)
	{
		set_value(values, isnull, COLUMN_REASON,
				  CStringGetTextDatum(exception_name(journal->exception.reason)));
		set_value(values, isnull, COLUMN_MESSAGE, CStringGetTextDatum(journal->exception.message));
	}
	if (outcome == JOURNAL_MADE ||
		(outcome == JOURNAL_EXCEPTION && is_out_of_balance(&journal->exception)))
		put_lines(trial, values, isnull);
	else
		tuplestore_putvalues(trial->rsinfo->setResult, trial->rsinfo->setDesc, values, isnull);
}

/* A QueryRow. */
static void
try_row(TupleTableSlot *slot, void *arg)
{
	Trial *trial = arg;
	MemoryContext old = MemoryContextSwitchTo(trial->econtext->ecxt_per_tuple_memory);
	Transaction txn;

	source_read(&trial->columns, trial->routing, slot, &txn);
	trial->econtext->ecxt_scantuple = slot;
	trial->number++;
	put_outcome(trial, journal_build(trial->journal, txn.route, 0, true, txn.value_date,
									 txn.bad_date, txn.oversize));
	MemoryContextSwitchTo(old);
	ResetExprContext(trial->econtext);
}

static void
try_rows(Trial *trial, const Policy *policy, DateADT month, Code basis, Datum rows)
{
	EState *estate = CreateExecutorState();
	QueryArgs args = {0};

	trial->econtext = GetPerTupleExprContext(estate);
	source_find_columns(trial->source, &trial->columns);
	trial->routing = routing_load(trial->source, policy, month, false, 1, &basis, NULL);
	routing_open_every_month(trial->routing);
	trial->journal = journal_create(trial->routing, trial->econtext);
	query_arg(&args, JSONBOID, rows);
	query_each_row(psprintf("SELECT %s FROM (SELECT r.*, 0::oid AS tableoid FROM "
							"jsonb_populate_recordset(NULL::acct.txn_source_parent, $1) AS r) AS s",
							source_select_list(trial->source)),
				   &args, try_row, trial);
	journal_close(trial->journal);
	FreeExecutorState(estate);
}

/* p_policy, p_month, p_basis, p_rows */
Datum
ledger_try_transactions(PG_FUNCTION_ARGS)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "trial", ALLOCSET_DEFAULT_SIZES);
	Trial trial = {0};
	MemoryContext old;
	int scope;

	InitMaterializedSRF(fcinfo, 0);
	trial.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	trial.source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	query_open();
	old = MemoryContextSwitchTo(context);
	scope = settings_scope_open_pinned();
	try_rows(&trial, policy_from_array(PG_GETARG_DATUM(0)), PG_GETARG_DATEADT(1),
			 code_from_datum(PG_GETARG_DATUM(2)), PG_GETARG_DATUM(3));
	settings_scope_close(scope);
	query_close();
	MemoryContextSwitchTo(old);
	table_close(trial.source, AccessShareLock);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
