/*
 * expression.h
 *		Template expressions: SQL text that the server parses, checks and
 *		evaluates against a row of acct.txn_source_parent.
 *
 * What compiles is deterministic: it depends on the row alone. See expression.c
 * for what is refused (LE003).
 */
#ifndef LEDGER_EXPRESSION_H
#define LEDGER_EXPRESSION_H

#include "policy/fixed_point.h"

#include "nodes/execnodes.h"
#include "utils/rel.h"

typedef enum ExpressionKind
{
	EXPRESSION_AMOUNT,   /* numeric */
	EXPRESSION_CONDITION /* boolean */
} ExpressionKind;

/* An expression ready to be evaluated. */
typedef struct Expression
{
	AttrNumber column; /* not 0: it is just this column of the row */
	ExprState *state;
	FixedPoint *fixed; /* that evaluates it without the server, for most rows; NULL: none does */
} Expression;

/*
 * Parses and checks a text, and makes it ready for evaluation, in the current
 * memory context, where it leaves nothing else. Raises LE003. No code of a
 * user's runs, neither now nor in the evaluation. Here and there the settings
 * are pinned (settings_scope.h).
 */
extern Expression *expression_compile(const char *text, ExpressionKind kind, Relation source);

/*
 * The same, as the tree that the server planned, its constant parts computed; the columns are those of relation 1.
 */
extern Node *expression_plan(const char *text, ExpressionKind kind, Relation source);

/*
 * The value for the row in econtext->ecxt_scantuple, whose attributes are all
 * deformed. The result lives in the row or in the current memory context, which
 * is of the kind that evaluation_context() makes.
 */
static inline Datum
expression_value(const Expression *expression, ExprContext *econtext, bool *isnull)
{
	if (expression->column != 0)
	{
		TupleTableSlot *slot = econtext->ecxt_scantuple;

		*isnull = slot->tts_isnull[expression->column - 1];
		return slot->tts_values[expression->column - 1];
	}
	return ExecEvalExpr(expression->state, econtext, isnull);
}

#endif
