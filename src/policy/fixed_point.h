/*
 * fixed_point.h
 *		The commonest expressions, evaluated in integers instead of the server's numerics.
 *
 * A number is a count of units of a power of ten that is known before any row
 * is read. What is exact so is compiled: sums, differences, products, rounding,
 * comparisons, decisions. Division is not, because how many decimals a quotient has
 * depends on how its operands are written. A row whose values do not fit is left
 * to the server, so that the outcome is the same, errors included.
 */
#ifndef LEDGER_FIXED_POINT_H
#define LEDGER_FIXED_POINT_H

#include "ledger/amount.h"

#include "executor/tuptable.h"
#include "nodes/primnodes.h"

typedef struct FixedPoint FixedPoint;

/*
 * Compiles a planned expression into a memory context, in which it leaves nothing else; NULL where it is not one of
 * those that can be.
 */
extern FixedPoint *fixed_point_compile(Node *planned, MemoryContext context);

/*
 * The amount for the row in a slot, whose attributes are all deformed, rounded to the decimals of its currency. False
 * where the server has to evaluate it.
 */
extern bool fixed_point_amount(const FixedPoint *expression, TupleTableSlot *slot, int minor_units,
							   bool *isnull, Amount *amount);

/* The same of a condition; one that is NULL does not hold. */
extern bool fixed_point_condition(const FixedPoint *expression, TupleTableSlot *slot, bool *holds);

#endif
