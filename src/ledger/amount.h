/*
 * amount.h
 *		Amounts as integers: exact arithmetic on the hot path.
 *
 * An Amount counts ten-thousandths of the currency's major unit, the scale of
 * numeric(20,4), in 128 bits. Sums of amounts use the same type: 10^18 lines of
 * the largest amount fit.
 */
#ifndef LEDGER_AMOUNT_H
#define LEDGER_AMOUNT_H

#include "common/ledger_engine.h"

typedef int128 Amount;

/* Every amount is smaller than this: 10^16 major units, the limit of numeric(20,4). */
#define AMOUNT_LIMIT ((Amount) UINT64CONST(10000000000) * (Amount) UINT64CONST(10000000000))

static inline bool
amount_is_in_range(Amount amount)
{
	return amount > -AMOUNT_LIMIT && amount < AMOUNT_LIMIT;
}

/* Enough for any Amount, as a numeric with a one-byte header. */
#define AMOUNT_NUMERIC_SIZE 28

/*
 * Rounds a numeric half away from zero to minor_units (0 to 4) decimals.
 * False where it is NaN, infinite, or not below AMOUNT_LIMIT after rounding.
 */
extern bool amount_from_numeric(Datum numeric, int minor_units, Amount *amount);

/*
 * Writes an amount as a numeric with scale 4 into buffer (AMOUNT_NUMERIC_SIZE
 * bytes) and returns it as a Datum. Its varlena header is the short one of
 * stored values.
 */
extern Datum amount_to_numeric(Amount amount, char *buffer);

/* The same in the current memory context, with an ordinary header. */
extern Datum amount_to_new_numeric(Amount amount);

/* An amount with its four decimals. */
extern char *amount_to_text(Amount amount);

/* A sum of amounts as read from a table, exactly; raises XX001 where it is none. */
extern Amount amount_from_sum(Datum numeric);

/* The same of any number; false where it is not finite, or has decimals or digits that a sum of amounts cannot have. */
extern bool amount_from_any(Datum numeric, Amount *amount);

/*
 * A number as a count of units of 10000^-groups. False where it is not finite, or has more decimals or digits than
 * such a count can have.
 */
extern bool amount_count(Datum numeric, int groups, int128 *count);

/* Decimals that a count may have: 10^18 is the largest power of ten in 64 bits. */
#define MAX_COUNT_DECIMALS 18

/*
 * What amount_from_numeric() makes of a number that is a count of units of 10^-decimals. False also where
 * the number is too large for this way of rounding.
 */
extern bool amount_from_count(int128 count, int decimals, int minor_units, Amount *amount);

/* 10^n, n from 0 to MAX_COUNT_DECIMALS. */
extern int64 amount_power(int n);

/* A quotient by a power of ten that is not 1, rounded half away from zero. */
static inline int128
amount_rounded_quotient(int128 value, int64 power)
{
	int64 rest;

	if (likely(value == (int64) value))
	{
		rest = (int64) value % power;
		value = (int64) value / power;
	}
	else
	{
		rest = (int64) (value % power);
		value /= power;
	}
	if (rest >= power / 2)
		return value + 1;
	return rest <= -(power / 2) ? value - 1 : value;
}

/* A numeric(20,4) as read from a table, exactly; raises XX001 where it is none. */
extern Amount amount_from_stored(Datum numeric);

#endif
