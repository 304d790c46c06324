/*
 * preview_journals.c
 *		acct._preview_journals(): the journals that a policy would make of transactions, line by
 *		line, or why it would make none.
 *
 * Transactions come in the order of their numbers, from the index that has them so, and the
 * pass ends when there are enough.
 */
#include "common/ledger_engine.h"

#include "common/query.h"
#include "common/settings_scope.h"
#include "preview/two_policies.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_preview_journals);

/* p_month, ... */
enum
{
	ARG_MONTH,
	ARG_BEFORE,   /* text[]: those that it leaves as they are are passed over; NULL: none are */
	ARG_POLICY,   /* text[] */
	ARG_TEMPLATE, /* those alone that it takes; NULL: any */
	ARG_TXN_ID,   /* this one alone; NULL: any */
	ARG_BASIS,    /* or NULL */
	ARG_MOST
};

/* The columns of a row: a line of a journal, or a transaction without one. */
enum
{
	COLUMN_TXN_ID,
	COLUMN_BASIS,
	COLUMN_OUTCOME,
	COLUMN_ENTITY,
	COLUMN_DATE,
	COLUMN_TXN_TYPE,
	COLUMN_PRODUCT,
	COLUMN_CHANNEL,
	COLUMN_CURRENCY,
	COLUMN_TEMPLATE,
	COLUMN_VERSION,
	COLUMN_LINE_NO,
	COLUMN_ACCOUNT,
	COLUMN_FUND,
	COLUMN_DEBIT,
	COLUMN_CREDIT,
	COLUMN_REASON,
	COLUMN_MESSAGE,
	COLUMNS
};

typedef struct Preview
{
	TwoPolicies *two;
	ReturnSetInfo *rsinfo;
	bool any_template;
	Code template_code;
	int most;
	int count;      /* transactions that were shown */
	int64 last_txn; /* the last of them */
	bool enough;
} Preview;

static void
put_row(Preview *preview, Datum *values, bool *isnull)
{
	tuplestore_putvalues(preview->rsinfo->setResult, preview->rsinfo->setDesc, values, isnull);
}

static void
set_value(Datum *values, bool *isnull, int column, Datum value)
{
	values[column] = value;
	isnull[column] = false;
}

static void
put_lines(Preview *preview, Datum *values, bool *isnull, const Journal *journal)
{
	const Candidate *candidate = journal->candidate;

	for (int i = 0; i < candidate->template->nlines; i++)
	{
		const JournalLine *line = &journal->lines[i];

		if (!line->kept)
			continue;
		set_value(values, isnull, COLUMN_LINE_NO,
				  Int16GetDatum(candidate->template->lines[i].line_no));
		set_value(values, isnull, COLUMN_ACCOUNT, code_to_datum(candidate->lines[i].account_code));
		set_value(values, isnull, COLUMN_FUND, code_to_datum(candidate->lines[i].fund));
		set_value(values, isnull, COLUMN_DEBIT, amount_to_new_numeric(line->debit));
		set_value(values, isnull, COLUMN_CREDIT, amount_to_new_numeric(line->credit));
		put_row(preview, values, isnull);
	}
}

static void
put_exception(Preview *preview, Datum *values, bool *isnull, const Exception *exception)
{
	if (exception->line_no != 0)
		set_value(values, isnull, COLUMN_LINE_NO, Int16GetDatum(exception->line_no));
	set_value(values, isnull, COLUMN_REASON,
			  CStringGetTextDatum(exception_name(exception->reason)));
	set_value(values, isnull, COLUMN_MESSAGE, CStringGetTextDatum(exception->message));
	put_row(preview, values, isnull);
}

static void
put_transaction(Preview *preview, const Transaction *txn, int basis, const SideOutcome *side)
{
	static const int columns[CODE_KEY_MAX] = {
		[ROUTE_ENTITY] = COLUMN_ENTITY,     [ROUTE_TXN_TYPE] = COLUMN_TXN_TYPE,
		[ROUTE_PRODUCT] = COLUMN_PRODUCT,   [ROUTE_CHANNEL] = COLUMN_CHANNEL,
		[ROUTE_CURRENCY] = COLUMN_CURRENCY,
	};
	const Template *template = two_policies_template(side);
	Datum values[COLUMNS];
	bool isnull[COLUMNS];

	memset(isnull, true, sizeof(isnull));
	set_value(values, isnull, COLUMN_TXN_ID, Int64GetDatum(txn->txn_id));
	set_value(values, isnull, COLUMN_BASIS, code_to_datum(two_policies_basis(preview->two, basis)));
	set_value(values, isnull, COLUMN_OUTCOME,
			  CStringGetTextDatum(two_policies_outcome_name(side->outcome)));
	set_value(values, isnull, COLUMN_DATE, DateADTGetDatum(txn->value_date));
	for (int i = 0; i < CODE_KEY_MAX; i++)
		set_value(values, isnull, columns[i], txn->route->codes[i]);
	if (template != NULL)
	{
		set_value(values, isnull, COLUMN_TEMPLATE, template->code_datum);
		set_value(values, isnull, COLUMN_VERSION, Int32GetDatum(template->version));
	}
	if (side->outcome == JOURNAL_MADE)
		put_lines(preview, values, isnull, side->journal);
	else if (side->outcome == JOURNAL_EXCEPTION)
		put_exception(preview, values, isnull, &side->journal->exception);
	else
		put_row(preview, values, isnull);
}

static bool
same_lines(const Journal *a, const Journal *b)
{
	for (int i = 0; i < a->candidate->template->nlines; i++)
		if (a->lines[i].kept != b->lines[i].kept || a->lines[i].debit != b->lines[i].debit ||
			a->lines[i].credit != b->lines[i].credit ||
			!code_equal(a->candidate->lines[i].account_code, b->candidate->lines[i].account_code) ||
			!code_equal(a->candidate->lines[i].fund, b->candidate->lines[i].fund))
			return false;
	return true;
}

/* The policy makes of it what the one before makes of it, by the same version of a template. */
static bool
is_same(const SideOutcome *sides)
{
	const Template *before = two_policies_template(&sides[SIDE_BEFORE]);
	const Template *after = two_policies_template(&sides[SIDE_AFTER]);

	if (sides[SIDE_BEFORE].outcome != sides[SIDE_AFTER].outcome ||
		(before == NULL) != (after == NULL))
		return false;
	if (before != NULL &&
		(!code_equal(before->code, after->code) || before->version != after->version))
		return false;
	return after == NULL || sides[SIDE_AFTER].outcome != JOURNAL_MADE ||
		   same_lines(sides[SIDE_BEFORE].journal, sides[SIDE_AFTER].journal);
}

static bool
is_shown(const Preview *preview, const SideOutcome *sides)
{
	const Template *template = two_policies_template(&sides[SIDE_AFTER]);

	if (!preview->any_template)
		return template != NULL && code_equal(template->code, preview->template_code);
	return !is_same(sides);
}

static void
take_transaction(const Transaction *txn, int basis, const SideOutcome *sides, void *arg)
{
	Preview *preview = arg;

	if (!is_shown(preview, sides))
		return;
	if (preview->count == 0 || preview->last_txn != txn->txn_id)
	{
		/* All of a transaction's bases are shown, or none. */
		if (preview->count == preview->most)
		{
			preview->enough = true;
			return;
		}
		preview->count++;
		preview->last_txn = txn->txn_id;
	}
	put_transaction(preview, txn, basis, &sides[SIDE_AFTER]);
}

/* In the order of their numbers, as the key of the source has them. */
static void
read_in_order(Preview *preview, DateADT month, bool one, int64 txn_id)
{
	static const ScopedSetting by_key[] = {
		{"enable_sort", "off"}, {"enable_bitmapscan", "off"}, {"jit", "off"}};
	QueryArgs args = {0};
	int scope = settings_scope_open(by_key, lengthof(by_key));

	query_arg(&args, DATEOID, DateADTGetDatum(month));
	if (one)
		query_arg(&args, INT8OID, Int64GetDatum(txn_id));
	query_until(psprintf("SELECT %s FROM acct.txn_source_parent s WHERE s.txn_month = $1%s "
						 "ORDER BY s.txn_id",
						 two_policies_list(preview->two), one ? " AND s.txn_id = $2" : ""),
				&args, two_policies_row, preview->two, &preview->enough);
	settings_scope_close(scope);
}

Datum
ledger_preview_journals(PG_FUNCTION_ARGS)
{
	PreviewCall call;
	Preview preview = {0};
	TwoPoliciesInput input = {0};

	if (PG_ARGISNULL(ARG_MONTH) || PG_ARGISNULL(ARG_POLICY) || PG_ARGISNULL(ARG_MOST))
		elog(ERROR, "a preview needs a month, a policy and a number of transactions");
	preview_begin(fcinfo, &call);
	preview.rsinfo = call.rsinfo;
	input.month = PG_GETARG_DATEADT(ARG_MONTH);
	input.has_before = !PG_ARGISNULL(ARG_BEFORE);
	if (input.has_before)
		input.policies[SIDE_BEFORE] = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(ARG_BEFORE));
	input.policies[SIDE_AFTER] = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(ARG_POLICY));
	if (!PG_ARGISNULL(ARG_BASIS))
		input.basis = PointerGetDatum(PG_GETARG_TEXT_PP(ARG_BASIS));
	preview.most = PG_GETARG_INT32(ARG_MOST);
	preview.any_template = PG_ARGISNULL(ARG_TEMPLATE);
	if (!preview.any_template)
		preview.template_code = code_from_datum(PG_GETARG_DATUM(ARG_TEMPLATE));
	preview.two = two_policies_open(&input, take_transaction, &preview);
	read_in_order(&preview, input.month, !PG_ARGISNULL(ARG_TXN_ID),
				  PG_ARGISNULL(ARG_TXN_ID) ? 0 : PG_GETARG_INT64(ARG_TXN_ID));
	two_policies_close(preview.two);
	preview_end(&call);
	PG_RETURN_VOID();
}
