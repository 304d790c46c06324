/*
 * arithmetic.h
 *		What a function of the server does with numbers, as far as symbolic evaluation knows it.
 */
#ifndef LEDGER_ARITHMETIC_H
#define LEDGER_ARITHMETIC_H

#include "common/ledger_engine.h"

typedef enum Arithmetic
{
	ARITHMETIC_NONE,
	ARITHMETIC_ADD,
	ARITHMETIC_SUBTRACT,
	ARITHMETIC_MULTIPLY,
	ARITHMETIC_NEGATE,
	ARITHMETIC_SAME, /* the value of the argument, or an error */
	ARITHMETIC_ABS,
	ARITHMETIC_SIGN,
	ARITHMETIC_ROUND, /* and the rest: to some decimals */
	ARITHMETIC_TRUNC,
	ARITHMETIC_CEIL,
	ARITHMETIC_FLOOR,
	ARITHMETIC_SCALE /* a conversion to a numeric of some decimals */
} Arithmetic;

/* What the function does; ARITHMETIC_NONE where that is not known. */
extern Arithmetic arithmetic_of(Oid function);

/* Types whose values are numbers to these functions. */
extern bool arithmetic_is_number(Oid type);

#endif
