/*
 * journal.c
 *		Builds journals (see journal.h): the rules of CONTRACT sections 5 and 6.
 *
 * Expressions are the user's: an error in one sets the transaction aside, and
 * nothing else, unless it is the server's trouble (evaluation_is_to_blame). A
 * subtransaction for each row would cost more than the row, and is not needed:
 * expressions are immutable, built in, and change nothing. What they may hold
 * when they fail (a pin, say, while a value is fetched from TOAST) belongs to a
 * resource owner of its own, which is released then. A handler costs as much as
 * an expression. So a step runs without one as long as columns and integers
 * (fixed_point.h) are enough, and once more with one where they are not.
 */
#include "expand/journal.h"

#include "common/code_check.h"
#include "common/progress.h"
#include "policy/evaluation.h"
#include "policy/fixed_point_evaluate.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Memory is looked at when an expression took so many bytes more than any did before. */
#define MEMORY_STEP (1024 * 1024)

static void
open_owner(Journal *journal)
{
	journal->owner = ResourceOwnerCreate(journal->parent_owner, "journal expressions");
}

/* An owner that was released takes nothing more (17 and later say so). */
static void
close_owner(Journal *journal, bool success)
{
	ResourceOwnerRelease(journal->owner, RESOURCE_RELEASE_BEFORE_LOCKS, success, false);
	ResourceOwnerRelease(journal->owner, RESOURCE_RELEASE_LOCKS, success, false);
	ResourceOwnerRelease(journal->owner, RESOURCE_RELEASE_AFTER_LOCKS, success, false);
	ResourceOwnerDelete(journal->owner);
	journal->owner = NULL;
}

Journal *
journal_create(Routing *routing, ExprContext *econtext)
{
	Journal *journal = palloc0_object(Journal);

	journal->routing = routing;
	journal->econtext = econtext;
	journal->parent_owner = CurrentResourceOwner;
	journal->values = evaluation_context(CurrentMemoryContext);
	open_owner(journal);
	return journal;
}

void
journal_close(Journal *journal)
{
	close_owner(journal, true);
	MemoryContextDelete(journal->values);
}

void
journal_observe(Journal *journal, JournalObserver observer, void *arg)
{
	journal->observer = observer;
	journal->observer_arg = arg;
}

static void
observe(Journal *journal, JournalStep step, int index, Datum value, bool isnull, Amount amount)
{
	JournalNote note = {step, index, value, isnull, amount};

	journal->observer(&note, journal->observer_arg);
}

static inline bool
fail(Journal *journal, ExceptionReason reason, int line_no, const char *message)
{
	exception_set(&journal->exception, reason, line_no, "%s", message);
	return false;
}

/* The memory that expressions take is gone before the step looks at its memory again: looks while the most is there. */
static void
look_at_memory(Journal *journal)
{
	Size memory = MemoryContextMemAllocated(journal->values, true);

	if (memory < journal->most_memory + MEMORY_STEP)
		return;
	journal->most_memory = memory;
	progress_look_at_memory();
}

/* The value of an expression, until the next one is evaluated. */
static Datum
evaluate(Journal *journal, const Expression *expression, bool *isnull)
{
	MemoryContext old;
	Datum value;

	evaluation_begin(journal->values);
	old = MemoryContextSwitchTo(journal->values);
	value = expression_value(expression, journal->econtext, isnull);
	MemoryContextSwitchTo(old);
	look_at_memory(journal);
	return value;
}

/* Whether the server may evaluate: not where nobody would take its errors, and then the step is to be done once more. */
static inline bool
may_evaluate(Journal *journal)
{
	journal->needs_guard = !journal->is_guarded;
	return journal->is_guarded;
}

/* The condition of a candidate (STEP_MATCH), or of a line of its template; false: it cannot be evaluated here. */
static bool
evaluate_condition(Journal *journal, const Expression *condition, JournalStep step, int index,
				   int line_no, bool *holds)
{
	bool isnull;
	Datum value;

	*holds = true;
	if (condition == NULL)
		return true;
	if (condition->fixed != NULL && likely(journal->observer == NULL) &&
		fixed_point_condition(condition->fixed, journal->econtext->ecxt_scantuple, holds))
		return true;
	if (!may_evaluate(journal))
		return false;
	journal->error_reason = EXCEPTION_CONDITION_ERROR;
	journal->error_line = line_no;
	value = evaluate(journal, condition, &isnull);
	if (unlikely(journal->observer != NULL))
		observe(journal, step, index, value, isnull, 0);
	*holds = !isnull && DatumGetBool(value);
	return true;
}

/* Puts an amount on its side; false, with the exception set, where that may not be. */
static bool
place_amount(Journal *journal, const Template *template, int i, Amount amount)
{
	const TemplateLine *spec = &template->lines[i];
	JournalLine *line = &journal->lines[i];
	bool is_debit = spec->is_debit;

	if (unlikely(journal->observer != NULL))
		observe(journal, STEP_ROUNDED, i, (Datum) 0, true, amount);
	if (amount >= AMOUNT_LIMIT || amount <= -AMOUNT_LIMIT)
		return fail(journal, EXCEPTION_AMOUNT_RANGE, spec->line_no,
					"the amount does not fit numeric(20,4)");
	if (amount < 0)
	{
		if (template->reject_negative)
			return fail(journal, EXCEPTION_NEGATIVE_AMOUNT, spec->line_no,
						psprintf("the amount is %s and the template refuses negative amounts",
								 amount_to_text(amount)));
		amount = -amount;
		is_debit = !is_debit;
	}
	line->kept = amount != 0 || !template->skip_zero_lines;
	line->debit = is_debit ? amount : 0;
	line->credit = is_debit ? 0 : amount;
	journal->fund_sums[spec->fund_index] += line->debit - line->credit;
	return true;
}

/* The amount of a line; false: there is none, with the exception set, or it cannot be evaluated here. */
static bool
evaluate_amount(Journal *journal, const Template *template, int i, int minor_units, Amount *amount)
{
	const TemplateLine *spec = &template->lines[i];
	const Expression *expression = spec->amount;
	bool isnull;

	if (expression->fixed == NULL || unlikely(journal->observer != NULL) ||
		!fixed_point_amount(expression->fixed, journal->econtext->ecxt_scantuple, minor_units,
							&isnull, amount))
	{
		Datum value;

		if (!may_evaluate(journal))
			return false;
		journal->error_reason = EXCEPTION_AMOUNT_ERROR;
		journal->error_line = spec->line_no;
		value = evaluate(journal, expression, &isnull);
		if (unlikely(journal->observer != NULL))
			observe(journal, STEP_AMOUNT, i, value, isnull, 0);
		if (!isnull && !amount_from_numeric(value, minor_units, amount))
			return fail(journal, EXCEPTION_AMOUNT_RANGE, spec->line_no,
						"the amount does not fit numeric(20,4)");
	}
	if (isnull)
		return fail(journal, EXCEPTION_AMOUNT_NULL, spec->line_no, "the amount is NULL");
	return true;
}

static bool
compute_line(Journal *journal, const Template *template, int i, int minor_units)
{
	const TemplateLine *spec = &template->lines[i];
	bool holds;
	Amount amount;

	evaluation_check_interrupts();
	if (!evaluate_condition(journal, spec->condition, STEP_CONDITION, i, spec->line_no, &holds))
		return false;
	if (!holds)
		return true;
	return evaluate_amount(journal, template, i, minor_units, &amount) &&
		   place_amount(journal, template, i, amount);
}

static bool
compute_lines(Journal *journal, const Template *template, int minor_units)
{
	for (int i = 0; i < template->nlines; i++)
		if (!template->lines[i].is_balancing && !compute_line(journal, template, i, minor_units))
			return false;
	for (int i = 0; i < template->nlines; i++)
	{
		const TemplateLine *spec = &template->lines[i];
		Amount rest;

		if (!spec->is_balancing)
			continue;
		rest = journal->fund_sums[spec->fund_index];
		if (!place_amount(journal, template, i, spec->is_debit ? -rest : rest))
			return false;
	}
	return true;
}

static bool
check_accounts(Journal *journal, const Template *template)
{
	for (int i = 0; i < template->nlines; i++)
		if (journal->lines[i].kept && journal->candidate->lines[i].problem != NULL)
			return fail(journal, EXCEPTION_UNKNOWN_ACCOUNT, template->lines[i].line_no,
						journal->candidate->lines[i].problem);
	return true;
}

/* Adds up the kept lines, over all and by fund as mapped, and compares. */
static bool
check_balance(Journal *journal, const Template *template)
{
	Candidate *candidate = journal->candidate;
	Amount *sums = journal->fund_sums;

	memset(sums, 0, sizeof(Amount) * candidate->nfunds);
	for (int i = 0; i < template->nlines; i++)
	{
		JournalLine *line = &journal->lines[i];

		if (!line->kept)
			continue;
		journal->nlines++;
		journal->debit += line->debit;
		journal->credit += line->credit;
		sums[candidate->lines[i].fund_index] += line->debit - line->credit;
	}
	if (journal->nlines == 0)
		return fail(journal, EXCEPTION_NO_LINES, 0, "every line is zero and skipped");
	if (journal->debit >= AMOUNT_LIMIT || journal->credit >= AMOUNT_LIMIT)
		return fail(journal, EXCEPTION_AMOUNT_RANGE, 0,
					"the journal's total does not fit numeric(20,4)");
	if (template->require_balanced && journal->debit != journal->credit)
		return fail(journal, EXCEPTION_UNBALANCED, 0,
					psprintf("debit %s, credit %s", amount_to_text(journal->debit),
							 amount_to_text(journal->credit)));
	for (int f = 0; template->balance_by_fund && f < candidate->nfunds; f++)
		if (sums[f] != 0)
			for (int i = 0; i < template->nlines; i++)
				if (candidate->lines[i].fund_index == f)
				{
					Code fund = candidate->lines[i].fund;

					return fail(journal, EXCEPTION_UNBALANCED_FUND, 0,
								psprintf("fund %.*s: debit less credit is %s", fund.len, fund.data,
										 amount_to_text(sums[f])));
				}
	return true;
}

static void
prepare(Journal *journal, Route *route, Candidate *candidate)
{
	Template *template = candidate->template;
	int needed = Max(template->nlines, 1);

	if (candidate->lines == NULL)
	{
		template_compile(routing_templates(journal->routing), template);
		routing_resolve(journal->routing, route, candidate);
	}
	if (needed > journal->capacity)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(journal));

		journal->lines = palloc_array(JournalLine, needed);
		journal->fund_sums = palloc_array(Amount, needed);
		journal->capacity = needed;
		MemoryContextSwitchTo(old);
	}
}

static JournalOutcome
compute_step(Journal *journal, Route *route, int basis)
{
	const Template *template = journal->candidate->template;

	memset(journal->lines, 0, sizeof(JournalLine) * template->nlines);
	memset(journal->fund_sums, 0, sizeof(Amount) * template->nfunds);
	journal->nlines = 0;
	journal->debit = journal->credit = 0;
	if (compute_lines(journal, template, route->minor_units) && check_accounts(journal, template) &&
		check_balance(journal, template))
		return JOURNAL_MADE;
	return JOURNAL_EXCEPTION;
}

/* The first candidate whose condition is true becomes journal->candidate. */
static JournalOutcome
choose_step(Journal *journal, Route *route, int b)
{
	BasisRoute *basis = &route->bases[b];

	for (int i = 0; i < basis->ncandidates; i++)
	{
		Candidate *candidate = &basis->candidates[i];
		bool holds;

		evaluation_check_interrupts();
		match_compile(routing_templates(journal->routing), candidate->match);
		journal->candidate = candidate;
		if (!evaluate_condition(journal, candidate->match->condition, STEP_MATCH, i, 0, &holds))
			break;
		if (holds)
			return JOURNAL_MADE;
	}
	journal->candidate = NULL;
	return JOURNAL_NOT_IN_BASIS;
}

/* An amount that is too large on the way is out of range as one that is too large at the end. */
static ExceptionReason
reason_of_error(Journal *journal, int code)
{
	if (code == ERRCODE_PROGRAM_LIMIT_EXCEEDED && journal->error_reason == EXCEPTION_AMOUNT_ERROR)
		return EXCEPTION_AMOUNT_RANGE;
	return journal->error_reason;
}

/* Takes an error of an expression; one of the server's trouble goes on. */
static JournalOutcome
take_error(Journal *journal, MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (evaluation_was_interrupted() || !evaluation_is_to_blame(error->sqlerrcode))
		PG_RE_THROW();
	FlushErrorState();
	look_at_memory(journal);
	evaluation_begin(journal->values);
	close_owner(journal, false);
	open_owner(journal);
	fail(journal, reason_of_error(journal, error->sqlerrcode), journal->error_line, error->message);
	FreeErrorData(error);
	return JOURNAL_EXCEPTION;
}

typedef JournalOutcome (*GuardedStep)(Journal *journal, Route *route, int basis);

static JournalOutcome
guarded(GuardedStep step, Journal *journal, Route *route, int basis)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile JournalOutcome outcome = JOURNAL_EXCEPTION;

	journal->is_guarded = true;
	journal->needs_guard = false;
	CurrentResourceOwner = journal->owner;
	PG_TRY();
	{
		outcome = step(journal, route, basis);
	}
	PG_CATCH();
	{
		CurrentResourceOwner = owner;
		outcome = take_error(journal, context);
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;
	return outcome;
}

/* Does a step without a handler, and where that is not enough with one. */
static JournalOutcome
attempt(GuardedStep step, Journal *journal, Route *route, int basis)
{
	JournalOutcome outcome;

	journal->is_guarded = false;
	journal->needs_guard = false;
	outcome = step(journal, route, basis);
	return journal->needs_guard ? guarded(step, journal, route, basis) : outcome;
}

static char *
entity_message(const Route *route, DateADT date)
{
	const Entity *entity = route->entity;
	char *code = code_quoted(route->key.codes[ROUTE_ENTITY]);

	if (entity == NULL)
		return psprintf("entity %s is not registered", code);
	if (date < entity->effective_from)
		return DATE_NOT_FINITE(entity->effective_from)
				   ? psprintf("entity %s takes no entries", code)
				   : psprintf("entity %s takes no entries before %s", code,
							  iso_date(entity->effective_from));
	return DATE_NOT_FINITE(entity->effective_to) ? psprintf("entity %s takes no entries", code)
												 : psprintf("entity %s takes no entries from %s on",
															code, iso_date(entity->effective_to));
}

static char *
elsewhere_message(const Route *route)
{
	char *code = code_quoted(route->key.codes[ROUTE_ENTITY]);

	return route->entity->node == NULL
			   ? psprintf("entity %s is assigned to no node of the cluster", code)
			   : psprintf("entity %s belongs to node %s", code, route->entity->node);
}

/* A month as messages name it. */
static char *
month_text(DateADT month)
{
	char *text = iso_date(month);

	text[strlen(text) - strlen("-01")] = '\0';
	return text;
}

static char *
period_message(Journal *journal, const Route *route, int basis)
{
	DateADT last = routing_last_late_month(journal->routing);
	char *later =
		last != 0 ? psprintf(", and no month after it up to %s is open", month_text(last)) : "";

	if (route->bases[basis].period == PERIOD_ARCHIVED)
		return psprintf("month %s of the ledger is archived%s", month_text(route->month), later);
	return psprintf("period %s of entity %s, basis %s is closed%s", month_text(route->month),
					code_quoted(route->key.codes[ROUTE_ENTITY]),
					code_quoted(routing_templates(journal->routing)->bases[basis]), later);
}

static char *
template_message(const Route *route, const BasisRoute *basis)
{
	const Code *codes = route->key.codes;

	return psprintf("no approved template fits txn_type %s, product_code %s, channel %s%s",
					code_quoted(codes[ROUTE_TXN_TYPE]), code_quoted(codes[ROUTE_PRODUCT]),
					code_quoted(codes[ROUTE_CHANNEL]),
					basis->ncandidates > 0 ? ": the conditions of those that name them are not true"
										   : "");
}

/* What must be right whatever the template. */
static bool
check_transaction(Journal *journal, Route *route, int basis, DateADT date, bool bad_date,
				  const char *oversize)
{
	if (!entity_takes(route->entity, date))
		return fail(journal, EXCEPTION_UNKNOWN_ENTITY, 0, entity_message(route, date));
	if (route->entity->is_elsewhere)
		return fail(journal, EXCEPTION_ENTITY_ELSEWHERE, 0, elsewhere_message(route));
	if (route->code_problem != NULL)
		return fail(journal, EXCEPTION_INVALID_CODE, 0, route->code_problem);
	if (oversize != NULL)
		return fail(journal, EXCEPTION_INVALID_CODE, 0, psprintf("%s is too large", oversize));
	if (bad_date)
		return fail(journal, EXCEPTION_BAD_DATE, 0, routing_date_problem(journal->routing, date));
	if (route->minor_units < 0)
		return fail(
			journal, EXCEPTION_UNKNOWN_CURRENCY, 0,
			psprintf("currency %s does not exist", code_quoted(route->key.codes[ROUTE_CURRENCY])));
	if (route->bases[basis].period != PERIOD_OPEN)
		return fail(journal, EXCEPTION_PERIOD_CLOSED, 0, period_message(journal, route, basis));
	return true;
}

JournalOutcome
journal_build(Journal *journal, Route *route, int basis, bool every_transaction, DateADT date,
			  bool bad_date, const char *oversize)
{
	BasisRoute *candidates = &route->bases[basis];
	JournalOutcome outcome;

	journal->candidate = NULL;
	if (!every_transaction && candidates->ncandidates == 0)
		return JOURNAL_NOT_IN_BASIS;
	if (!check_transaction(journal, route, basis, date, bad_date, oversize))
		return JOURNAL_EXCEPTION;

	outcome = attempt(choose_step, journal, route, basis);
	if (outcome == JOURNAL_NOT_IN_BASIS && every_transaction)
	{
		fail(journal, EXCEPTION_NO_TEMPLATE, 0, template_message(route, candidates));
		return JOURNAL_EXCEPTION;
	}
	if (outcome != JOURNAL_MADE)
		return outcome;
	if (journal->candidate->template->ignore)
		return JOURNAL_IGNORED;

	prepare(journal, route, journal->candidate);
	return journal->candidate->template->may_fail ? guarded(compute_step, journal, route, basis)
												  : attempt(compute_step, journal, route, basis);
}
