/*
 * journal.h
 *		One transaction and one basis: a journal, or why there is none.
 */
#ifndef LEDGER_JOURNAL_H
#define LEDGER_JOURNAL_H

#include "ledger/exception.h"
#include "policy/routing.h"

#include "nodes/execnodes.h"
#include "utils/resowner.h"

typedef enum JournalOutcome
{
	JOURNAL_MADE,
	JOURNAL_IGNORED,      /* by a template of type IGNORE */
	JOURNAL_NOT_IN_BASIS, /* no template fits, and the basis does not take every transaction */
	JOURNAL_EXCEPTION
} JournalOutcome;

/* What a line of the template came to. */
typedef struct JournalLine
{
	bool kept;
	Amount debit;
	Amount credit;
} JournalLine;

/* A step on the way to a journal. */
typedef enum JournalStep
{
	STEP_MATCH,     /* the condition of a candidate was evaluated: a boolean */
	STEP_CONDITION, /* that of a line of its template */
	STEP_AMOUNT,    /* the amount of a line: a numeric, as it is before rounding */
	STEP_ROUNDED    /* rounded, or that of a balancing line; positive on the line's own side */
} JournalStep;

typedef struct JournalNote
{
	JournalStep step;
	int index; /* of the candidate, or of the line */
	Datum value;
	bool isnull;
	Amount amount; /* of STEP_ROUNDED */
} JournalNote;

/* Called after each step, for whoever explains a journal; the value is there until it returns. */
typedef void (*JournalObserver)(const JournalNote *note, void *arg);

/* The builder and what it built last; lines are those of candidate's template. */
typedef struct Journal
{
	Routing *routing;
	ExprContext *econtext; /* scan tuple: the transaction */
	ResourceOwner parent_owner;
	ResourceOwner owner;  /* of whatever an expression holds while it is evaluated */
	MemoryContext values; /* of one expression, limited */
	Size most_memory;     /* that one took, as far as memory was looked at for it */

	Candidate *candidate; /* the template chosen or being tried; NULL: none */
	JournalLine *lines;
	int nlines; /* kept */
	Amount debit;
	Amount credit;
	Exception exception;

	/* Whether errors of expressions are taken in this step, and whether it has one that needs that. */
	bool is_guarded;
	bool needs_guard;

	/* Where an expression is being evaluated, for its error. */
	ExceptionReason error_reason;
	int error_line;

	Amount *fund_sums;
	int capacity; /* of lines and fund_sums */

	JournalObserver observer; /* NULL: none */
	void *observer_arg;
} Journal;

extern Journal *journal_create(Routing *routing, ExprContext *econtext);
extern void journal_close(Journal *journal);

/* Has an observer see each step. */
extern void journal_observe(Journal *journal, JournalObserver observer, void *arg);

/*
 * Builds the journal of the transaction in the scan tuple, whose attributes are
 * all deformed, for a basis. date is its value date; bad_date: that is not
 * accepted, and the route is that of the transaction month. oversize is a column
 * whose value is too large, or NULL.
 */
extern JournalOutcome
journal_build(Journal *journal, Route *route, int basis, bool every_transaction, DateADT date,
			  bool bad_date, const char *oversize);

#endif
