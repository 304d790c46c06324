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

/* A sum of amounts as read from a table, exactly; raises XX001 where it is none. */
extern Amount amount_from_sum(Datum numeric);

/* The same of any number; false where it is not finite, or has decimals or digits that a sum of amounts cannot have. */
extern bool amount_from_any(Datum numeric, Amount *amount);

/* A numeric(20,4) as read from a table, exactly; raises XX001 where it is none. */
extern Amount amount_from_stored(Datum numeric);

#endif
