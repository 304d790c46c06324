/*
 * explain.c
 *		acct._explain(): how a policy makes the journal of one transaction in one basis, or why
 *		it makes none.
 *
 * The transaction is evaluated by the code that expands, which an observer watches: rows say
 * what that code did, in the order in which it did it. Nothing is computed a second time, except
 * which columns an expression reads.
 */
#include "common/ledger_engine.h"

#include "common/query.h"
#include "preview/two_policies.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_explain);

/* Of a transaction that no rule takes, rules for its type and another product or channel are shown up to this number. */
#define MAX_NEAR_RULES 20

#define MATCH_CODES 3

/* p_month, ... */
enum
{
	ARG_MONTH,
	ARG_TXN_ID,
	ARG_BASIS,
	ARG_POLICY, /* text[] */
	ARG_SOURCE  /* the FROM item that has the transaction */
};

/* The columns of a row. */
enum
{
	COLUMN_KIND, /* rule, rules, template, line, outcome */
	COLUMN_TEMPLATE,
	COLUMN_VERSION,
	COLUMN_NUMBER, /* of the rule or the line */
	COLUMN_STATUS,
	COLUMN_ACCOUNT,
	COLUMN_FUND,
	COLUMN_DEBIT,
	COLUMN_CREDIT,
	COLUMN_DETAIL, /* text: JSON */
	COLUMNS
};

typedef enum Seen
{
	NOT_SEEN,
	SEEN_FALSE,
	SEEN_NULL,
	SEEN_TRUE
} Seen;

typedef struct LineSeen
{
	Seen condition;
	bool has_value;
	const char *value; /* before it is rounded; NULL: it is NULL */
	bool is_rounded;
	Amount amount; /* positive on the line's own side */
} LineSeen;

typedef struct Explanation
{
	TwoPolicies *two;
	ReturnSetInfo *rsinfo;
	MemoryContext context;
	int nrules;
	Seen *rules; /* by candidate, as far as they were seen */
	int nlines;
	LineSeen *lines; /* by line of the template, likewise */

	/* What the rows are made from. */
	const Transaction *txn;
	int basis;
	JournalOutcome outcome;
	const Journal *journal;
} Explanation;

typedef struct Row
{
	Datum values[COLUMNS];
	bool isnull[COLUMNS];
	StringInfoData detail;
} Row;

static void
row_open(Row *row, const char *kind)
{
	memset(row->isnull, true, sizeof(row->isnull));
	row->values[COLUMN_KIND] = CStringGetTextDatum(kind);
	row->isnull[COLUMN_KIND] = false;
	initStringInfo(&row->detail);
}

static void
row_set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->isnull[column] = false;
}

static void
row_key(Row *row, const char *key)
{
	appendStringInfo(&row->detail, "%s\"%s\": ", row->detail.len == 0 ? "{" : ", ", key);
}

/* NULL: it has no such key. */
static void
row_text(Row *row, const char *key, const char *value)
{
	if (value == NULL)
		return;
	row_key(row, key);
	escape_json(&row->detail, value);
}

static void
row_code(Row *row, const char *key, Code code)
{
	row_text(row, key, pnstrdup(code.data, code.len));
}

static void
row_number(Row *row, const char *key, int64 value)
{
	row_key(row, key);
	appendStringInfo(&row->detail, INT64_FORMAT, value);
}

static void
row_amount(Row *row, const char *key, Amount amount)
{
	row_key(row, key);
	appendStringInfoString(&row->detail, DatumGetCString(DirectFunctionCall1(
											 numeric_out, amount_to_new_numeric(amount))));
}

static void
row_bool(Row *row, const char *key, bool value)
{
	row_key(row, key);
	appendStringInfoString(&row->detail, value ? "true" : "false");
}

/* A date without beginning or end has no such key. */
static void
row_date(Row *row, const char *key, DateADT date)
{
	if (!DATE_NOT_FINITE(date))
		row_text(row, key, iso_date(date));
}

static void
row_close(Row *row, Explanation *explanation)
{
	appendStringInfoString(&row->detail, row->detail.len == 0 ? "{}" : "}");
	row_set(row, COLUMN_DETAIL, CStringGetTextDatum(row->detail.data));
	tuplestore_putvalues(explanation->rsinfo->setResult, explanation->rsinfo->setDesc, row->values,
						 row->isnull);
}

static void
row_version(Row *row, const Template *template)
{
	row_set(row, COLUMN_TEMPLATE, template->code_datum);
	row_set(row, COLUMN_VERSION, Int32GetDatum(template->version));
}

/* The names of the columns that an expression reads. */
static void
row_columns(Row *row, const Explanation *explanation, const char *text, ExpressionKind kind,
			const char *key)
{
	Relation source = two_policies_source(explanation->two);
	Bitmapset *numbers = NULL;
	const char *separator = "";
	int i = -1;

	if (text == NULL)
		return;
	pull_varattnos(expression_plan(text, kind, source), 1, &numbers);
	row_key(row, key);
	appendStringInfoChar(&row->detail, '[');
	while ((i = bms_next_member(numbers, i)) >= 0)
	{
		AttrNumber number = i + FirstLowInvalidHeapAttributeNumber;

		appendStringInfoString(&row->detail, separator);
		escape_json(&row->detail,
					NameStr(TupleDescAttr(RelationGetDescr(source), number - 1)->attname));
		separator = ", ";
	}
	appendStringInfoChar(&row->detail, ']');
}

static Seen
seen_of(const JournalNote *note)
{
	if (note->isnull)
		return SEEN_NULL;
	return DatumGetBool(note->value) ? SEEN_TRUE : SEEN_FALSE;
}

static void
see_rule(Explanation *explanation, const JournalNote *note)
{
	if (note->index >= explanation->nrules)
	{
		int count = note->index + 1;

		explanation->rules = explanation->rules == NULL
								 ? palloc_array(Seen, count)
								 : repalloc(explanation->rules, sizeof(Seen) * count);
		memset(explanation->rules + explanation->nrules, 0,
			   sizeof(Seen) * (count - explanation->nrules));
		explanation->nrules = count;
	}
	explanation->rules[note->index] = seen_of(note);
}

static LineSeen *
line_seen(Explanation *explanation, int index)
{
	if (index >= explanation->nlines)
	{
		int count = index + 1;

		explanation->lines = explanation->lines == NULL
								 ? palloc_array(LineSeen, count)
								 : repalloc(explanation->lines, sizeof(LineSeen) * count);
		memset(explanation->lines + explanation->nlines, 0,
			   sizeof(LineSeen) * (count - explanation->nlines));
		explanation->nlines = count;
	}
	return &explanation->lines[index];
}

/* A JournalObserver. */
static void
see_step(const JournalNote *note, void *arg)
{
	Explanation *explanation = arg;
	MemoryContext old = MemoryContextSwitchTo(explanation->context);
	LineSeen *line;

	switch (note->step)
	{
		case STEP_MATCH:
			see_rule(explanation, note);
			break;
		case STEP_CONDITION:
			line_seen(explanation, note->index)->condition = seen_of(note);
			break;
		case STEP_AMOUNT:
			line = line_seen(explanation, note->index);
			line->has_value = true;
			if (!note->isnull)
				line->value = DatumGetCString(DirectFunctionCall1(numeric_out, note->value));
			break;
		case STEP_ROUNDED:
			line = line_seen(explanation, note->index);
			line->is_rounded = true;
			line->amount = note->amount;
			break;
	}
	MemoryContextSwitchTo(old);
}

/* How many codes a rule names that are others than those from txn_type on. */
static int
count_differing_codes(const Match *match, const Code *codes)
{
	int count = 0;

	for (int i = 0; i < MATCH_CODES; i++)
		if ((match->named & (1 << i)) && !code_equal(match->codes[i], codes[i]))
			count++;
	return count;
}

static bool
fits_type(const Match *match, const Code *codes)
{
	return !(match->named & 1) || code_equal(match->codes[0], codes[0]);
}

static int
compare_rules(const void *a, const void *b)
{
	return match_compare(*(Match *const *) a, *(Match *const *) b);
}

/* The number of a rule among the candidates; -1: it is none. */
static int
find_candidate(const BasisRoute *basis, const Match *match)
{
	for (int i = 0; i < basis->ncandidates; i++)
		if (basis->candidates[i].match == match)
			return i;
	return -1;
}

/* What puts the first rule before the second. */
static const char *
order_of(const Match *first, const Match *second)
{
	if (first->priority != second->priority)
		return "priority";
	if (pg_popcount32(first->named) != pg_popcount32(second->named))
		return "codes";
	return code_equal(first->template->code, second->template->code) ? "match_no" : "template_code";
}

/* The newer version that applies in the place of one that is in effect. */
static int
newer_version(const Template *template, DateADT date)
{
	for (const Template *newer = template->newer; newer != NULL; newer = newer->newer)
		if (template_applies(newer, date))
			return newer->version;
	return template->version;
}

static bool
failed_in_a_rule(const Explanation *explanation)
{
	return explanation->outcome == JOURNAL_EXCEPTION &&
		   explanation->journal->exception.reason == EXCEPTION_CONDITION_ERROR &&
		   explanation->journal->exception.line_no == 0;
}

/* What became of a rule that fits codes and date. */
static const char *
candidate_status(const Explanation *explanation, int candidate)
{
	const BasisRoute *basis = &explanation->txn->route->bases[explanation->basis];
	const Candidate *chosen = explanation->journal->candidate;

	if (chosen == &basis->candidates[candidate])
		return failed_in_a_rule(explanation) ? "error" : "applies";
	if (chosen != NULL && chosen < &basis->candidates[candidate])
		return "not_tried";
	if (candidate >= explanation->nrules || explanation->rules[candidate] == NOT_SEEN)
		return "not_reached";
	return explanation->rules[candidate] == SEEN_NULL ? "null" : "false";
}

static void
put_rule(Explanation *explanation, const Match *match)
{
	const Route *route = explanation->txn->route;
	const BasisRoute *basis = &route->bases[explanation->basis];
	const Code *codes = &route->key.codes[ROUTE_TXN_TYPE];
	const Template *template = match->template;
	const char *status;
	int candidate = find_candidate(basis, match);
	Row row;

	row_open(&row, "rule");
	row_version(&row, template);
	row_set(&row, COLUMN_NUMBER, Int32GetDatum(match->match_no));
	row_number(&row, "priority", match->priority);
	for (int i = 0; i < MATCH_CODES; i++)
		if (match->named & (1 << i))
			row_code(&row, route_columns[ROUTE_TXN_TYPE + i], match->codes[i]);
	row_text(&row, "condition", match->condition_text);
	row_date(&row, "effective_from", template->effective_from);
	row_date(&row, "effective_to", template->effective_to);
	if (candidate >= 0)
	{
		status = candidate_status(explanation, candidate);
		if (strcmp(status, "not_tried") == 0)
			row_text(&row, "behind_by", order_of(explanation->journal->candidate->match, match));
		else if (strcmp(status, "not_reached") != 0)
			row_columns(&row, explanation, match->condition_text, EXPRESSION_CONDITION, "columns");
	}
	else if (count_differing_codes(match, codes) > 0)
		status = "other_codes";
	else
	{
		bool in_effect = template_in_effect(template, route->date);

		status = in_effect ? "replaced" : "not_in_effect";
		if (in_effect)
			row_number(&row, "newer_version", newer_version(template, route->date));
		row_date(&row, "date",
				 explanation->txn->bad_date ? explanation->txn->txn_month
											: explanation->txn->value_date);
	}
	row_set(&row, COLUMN_STATUS, CStringGetTextDatum(status));
	row_close(&row, explanation);
}

/* Those whose codes fit, in the order in which they are tried, and where none applies those that nearly fit; the others are counted. */
static void
put_rules(Explanation *explanation)
{
	TemplateSet *set = routing_templates(two_policies_routing(explanation->two, SIDE_AFTER));
	const Code *codes = &explanation->txn->route->key.codes[ROUTE_TXN_TYPE];
	Match **rules = palloc_array(Match *, set->nmatches + 1);
	bool names_near = explanation->outcome == JOURNAL_NOT_IN_BASIS ||
					  (explanation->outcome == JOURNAL_EXCEPTION &&
					   explanation->journal->exception.reason == EXCEPTION_NO_TEMPLATE);
	int64 others = 0;
	int count = 0;
	int near;
	Row row;

	for (int differing = 0; differing <= 1; differing++)
	{
		near = count;
		for (int i = 0; i < set->nmatches; i++)
		{
			Match *match = &set->matches[i];
			int differs;

			CHECK_FOR_INTERRUPTS();
			if (match->template->basis != explanation->basis)
				continue;
			differs = count_differing_codes(match, codes);
			if (differs == differing && (differing == 0 || (names_near && fits_type(match, codes))))
				rules[count++] = match;
			else if (differing == 1 && differs > 0)
				others++;
		}
		qsort(rules + near, count - near, sizeof(Match *), compare_rules);
	}
	if (count - near > MAX_NEAR_RULES)
	{
		others += count - near - MAX_NEAR_RULES;
		count = near + MAX_NEAR_RULES;
	}
	for (int i = 0; i < count; i++)
		put_rule(explanation, rules[i]);
	row_open(&row, "rules");
	row_set(&row, COLUMN_STATUS, CStringGetTextDatum("other_codes"));
	row_number(&row, "rules", others);
	row_close(&row, explanation);
}

static void
put_template(Explanation *explanation)
{
	const Template *template = explanation->journal->candidate->template;
	Row row;

	row_open(&row, "template");
	row_version(&row, template);
	row_set(&row, COLUMN_STATUS, CStringGetTextDatum(template->ignore ? "ignore" : "standard"));
	row_date(&row, "effective_from", template->effective_from);
	row_date(&row, "effective_to", template->effective_to);
	row_bool(&row, "require_balanced", template->require_balanced);
	row_bool(&row, "balance_by_fund", template->balance_by_fund);
	row_bool(&row, "skip_zero_lines", template->skip_zero_lines);
	row_text(&row, "negative_policy", template->reject_negative ? "reject" : "swap");
	row_close(&row, explanation);
}

/* What became of a line; sees: what was seen of it. */
static const char *
line_status(const Explanation *explanation, int i, const LineSeen *sees)
{
	const Journal *journal = explanation->journal;
	bool is_made = explanation->outcome == JOURNAL_MADE;

	if (!is_made && journal->exception.line_no == journal->candidate->template->lines[i].line_no)
		return "failed";
	if (sees->condition == SEEN_FALSE)
		return "condition_false";
	if (sees->condition == SEEN_NULL)
		return "condition_null";
	if (!sees->is_rounded)
		return "not_reached";
	if (!journal->lines[i].kept)
		return "zero";
	return is_made ? "made" : "computed";
}

/* The other lines of a balancing line's fund that have an amount: it takes what they leave. */
static void
row_rest(Row *row, const Explanation *explanation, int at)
{
	const Journal *journal = explanation->journal;
	const Template *template = journal->candidate->template;
	const char *separator = "";
	Amount debit = 0;
	Amount credit = 0;

	row_key(row, "rest_of_lines");
	appendStringInfoChar(&row->detail, '[');
	for (int i = 0; i < template->nlines; i++)
		if (i != at && template->lines[i].fund_index == template->lines[at].fund_index &&
			(journal->lines[i].debit != 0 || journal->lines[i].credit != 0))
		{
			appendStringInfo(&row->detail, "%s%d", separator, template->lines[i].line_no);
			separator = ", ";
			debit += journal->lines[i].debit;
			credit += journal->lines[i].credit;
		}
	appendStringInfoChar(&row->detail, ']');
	row_amount(row, "rest_debit", debit);
	row_amount(row, "rest_credit", credit);
}

static void
put_line(Explanation *explanation, int i)
{
	static const LineSeen nothing = {0};
	const Journal *journal = explanation->journal;
	const TemplateLine *spec = &journal->candidate->template->lines[i];
	const RouteLine *leads = &journal->candidate->lines[i];
	const LineSeen *sees = i < explanation->nlines ? &explanation->lines[i] : &nothing;
	const char *status = line_status(explanation, i, sees);
	Row row;

	row_open(&row, "line");
	row_version(&row, journal->candidate->template);
	row_set(&row, COLUMN_NUMBER, Int32GetDatum(spec->line_no));
	row_set(&row, COLUMN_STATUS, CStringGetTextDatum(status));
	row_set(&row, COLUMN_ACCOUNT, code_to_datum(leads->account_code));
	row_set(&row, COLUMN_FUND, code_to_datum(leads->fund));
	if (strcmp(status, "made") == 0)
	{
		row_set(&row, COLUMN_DEBIT, amount_to_new_numeric(journal->lines[i].debit));
		row_set(&row, COLUMN_CREDIT, amount_to_new_numeric(journal->lines[i].credit));
	}
	row_text(&row, "dr_cr", spec->is_debit ? "DR" : "CR");
	row_code(&row, "template_account", spec->account_code);
	row_code(&row, "template_fund", spec->fund);
	if (leads->map_id != 0)
		row_number(&row, "map_id", leads->map_id);
	if (strcmp(status, "failed") == 0)
	{
		row_text(&row, "message", journal->exception.message);
		row_bool(&row, "condition_failed", spec->condition != NULL && sees->condition == NOT_SEEN);
	}
	row_text(&row, "condition", spec->condition_text);
	row_columns(&row, explanation, spec->condition_text, EXPRESSION_CONDITION, "condition_columns");
	row_text(&row, "expression", spec->amount_text);
	row_columns(&row, explanation, spec->amount_text, EXPRESSION_AMOUNT, "columns");
	if (sees->has_value)
	{
		row_key(&row, "value");
		if (sees->value == NULL)
			appendStringInfoString(&row.detail, "null");
		else
			escape_json(&row.detail, sees->value);
	}
	if (spec->is_balancing)
		row_rest(&row, explanation, i);
	if (sees->is_rounded)
	{
		row_amount(&row, "amount", sees->amount);
		row_number(&row, "minor_units", explanation->txn->route->minor_units);
	}
	row_close(&row, explanation);
}

static void
put_outcome(Explanation *explanation)
{
	const Journal *journal = explanation->journal;
	const Transaction *txn = explanation->txn;
	bool is_made = explanation->outcome == JOURNAL_MADE;
	Row row;

	row_open(&row, "outcome");
	row_set(&row, COLUMN_STATUS,
			CStringGetTextDatum(two_policies_outcome_name(explanation->outcome)));
	if (journal->candidate != NULL)
		row_version(&row, journal->candidate->template);
	if (is_made)
	{
		row_set(&row, COLUMN_DEBIT, amount_to_new_numeric(journal->debit));
		row_set(&row, COLUMN_CREDIT, amount_to_new_numeric(journal->credit));
		row_number(&row, "lines", journal->nlines);
	}
	if (explanation->outcome == JOURNAL_EXCEPTION)
	{
		if (journal->exception.line_no != 0)
			row_set(&row, COLUMN_NUMBER, Int32GetDatum(journal->exception.line_no));
		row_text(&row, "reason", exception_name(journal->exception.reason));
		row_text(&row, "message", journal->exception.message);
	}
	row_date(&row, "date", txn->value_date);
	row_close(&row, explanation);
}

/* A TwoOutcomes: called once. */
static void
take_transaction(const Transaction *txn, int basis, const SideOutcome *sides, void *arg)
{
	Explanation *explanation = arg;
	const Candidate *chosen;

	explanation->txn = txn;
	explanation->basis = basis;
	explanation->outcome = sides[SIDE_AFTER].outcome;
	explanation->journal = sides[SIDE_AFTER].journal;
	chosen = explanation->journal->candidate;
	put_rules(explanation);
	if (chosen != NULL && !failed_in_a_rule(explanation))
		put_template(explanation);
	for (int i = 0; chosen != NULL && chosen->lines != NULL && i < chosen->template->nlines; i++)
		put_line(explanation, i);
	put_outcome(explanation);
}

static void
read_transaction(Explanation *explanation, DateADT month, int64 txn_id, const char *source)
{
	QueryArgs args = {0};

	query_arg(&args, DATEOID, DateADTGetDatum(month));
	query_arg(&args, INT8OID, Int64GetDatum(txn_id));
	query_each_row(psprintf("SELECT %s FROM %s s WHERE s.txn_month = $1 AND s.txn_id = $2",
							two_policies_list(explanation->two), source),
				   &args, two_policies_row, explanation->two);
}

Datum
ledger_explain(PG_FUNCTION_ARGS)
{
	PreviewCall call;
	Explanation explanation = {0};
	TwoPoliciesInput input = {0};

	for (int i = 0; i <= ARG_SOURCE; i++)
		if (PG_ARGISNULL(i))
			elog(ERROR, "an explanation needs a transaction, a basis, a policy and a source");
	preview_begin(fcinfo, &call);
	explanation.rsinfo = call.rsinfo;
	explanation.context = call.context;
	input.month = PG_GETARG_DATEADT(ARG_MONTH);
	input.basis = PointerGetDatum(PG_GETARG_TEXT_PP(ARG_BASIS));
	input.policies[SIDE_AFTER] = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(ARG_POLICY));
	explanation.two = two_policies_open(&input, take_transaction, &explanation);
	two_policies_observe(explanation.two, see_step, &explanation);
	read_transaction(&explanation, input.month, PG_GETARG_INT64(ARG_TXN_ID),
					 text_to_cstring(PG_GETARG_TEXT_PP(ARG_SOURCE)));
	two_policies_close(explanation.two);
	preview_end(&call);
	PG_RETURN_VOID();
}
