/*
 * comparison_form.h
 *		Comparisons in planned expressions: what each compares, and others that say the same.
 */
#ifndef LEDGER_COMPARISON_FORM_H
#define LEDGER_COMPARISON_FORM_H

#include "common/ledger_engine.h"

#include "nodes/primnodes.h"

/* Is it one of the comparisons by a column's order: strict, and never NULL for what is not? Its name, or NULL. */
extern const char *comparison_name(const Node *node);

/* "a = b" of "a <> b", so that both are one decision: NULL where the operator has no negator. */
extern OpExpr *comparison_negated(OpExpr *op);

/* "x = ANY (list)" as comparisons with its elements; NIL where it is not taken apart. */
extern List *comparison_list(const ScalarArrayOpExpr *expr);

/* What a WHEN of a CASE asks, with the operand put in; NULL where that cannot be done. */
extern Node *comparison_of_when(const CaseExpr *expr, const CaseWhen *when);

#endif
