/*
 * fixed_point_evaluate.h
 *		Evaluates expressions in integers (see fixed_point.h).
 */
#ifndef LEDGER_FIXED_POINT_EVALUATE_H
#define LEDGER_FIXED_POINT_EVALUATE_H

#include "ledger/amount.h"
#include "policy/fixed_point.h"

#include "executor/tuptable.h"

/*
 * The amount for the row in a slot, whose attributes are all deformed, rounded to the decimals of its currency. False
 * where the server has to evaluate it.
 */
extern bool fixed_point_amount(const FixedPoint *expression, TupleTableSlot *slot, int minor_units,
							   bool *isnull, Amount *amount);

/* The same of a condition; one that is NULL does not hold. */
extern bool fixed_point_condition(const FixedPoint *expression, TupleTableSlot *slot, bool *holds);

#endif
