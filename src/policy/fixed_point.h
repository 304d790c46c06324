/*
 * fixed_point.h
 *		The commonest expressions, evaluated in integers instead of the server's numerics.
 *
 * A number is a count of units of a power of ten that is known before any row
 * is read. What is exact so is compiled: sums, differences, products, rounding,
 * comparisons, decisions. Division is not, because how many decimals a quotient has
 * depends on how its operands are written. A row whose values do not fit is left
 * to the server, so that the outcome is the same, errors included.
 *
 * An expression is compiled to a tree whose numbers have known decimals. Where
 * operands differ in them, one is multiplied by a power of ten on the way. Values
 * have 128 bits. Factors have to fit 64, so that a product is one instruction and
 * cannot overflow.
 */
#ifndef LEDGER_FIXED_POINT_H
#define LEDGER_FIXED_POINT_H

#include "common/ledger_engine.h"

typedef struct FixedPoint FixedPoint;

/* Of a digit of the server's numerics. */
#define DECIMALS_OF_DIGIT 4

typedef enum FixedKind
{
	FIXED_CONSTANT,
	FIXED_NUMERIC, /* these are columns, by what their Datum is */
	FIXED_INT2,
	FIXED_INT4,
	FIXED_INT8,
	FIXED_BOOL,
	FIXED_IS_NULL,    /* a column of any type */
	FIXED_TEXT_EQUAL, /* two texts, each a column or a constant */
	FIXED_ADD,
	FIXED_SUBTRACT,
	FIXED_MULTIPLY,
	FIXED_NEGATE,
	FIXED_ABS,
	FIXED_RAISE, /* by a power, to more decimals */
	FIXED_ROUND, /* by a power, to fewer */
	FIXED_TRUNC,
	FIXED_GREATEST,
	FIXED_LEAST,
	FIXED_COALESCE,
	FIXED_EQUAL,
	FIXED_LESS,
	FIXED_AT_MOST,
	FIXED_NOT,
	FIXED_AND,
	FIXED_OR,
	FIXED_CASE /* the value where no condition holds; condition, value, condition, value, ... */
} FixedKind;

typedef struct FixedText
{
	AttrNumber column; /* 0: it is a constant */
	Code code;
} FixedText;

typedef struct FixedValue
{
	bool isnull;
	int128 count;
} FixedValue;

struct FixedPoint
{
	FixedKind kind;
	AttrNumber column;
	int decimals;
	int64 power;
	FixedValue constant;
	FixedText texts[2];
	int nargs;
	FixedPoint *args[FLEXIBLE_ARRAY_MEMBER];
};

static inline bool
fits_factor(int128 count)
{
	return count == (int64) count;
}

#endif
