/*
 * amount.c
 *		Conversion between Amount and numeric.
 *
 * It works on the stored form of numeric: a header word with sign, display
 * scale and weight, then base-10000 digits, most significant first. That form
 * is fixed by pg_upgrade (utils/adt/numeric.c describes it; it has not changed
 * since 9.1). Reading follows init_var_from_num() there, writing make_result().
 * The scale of an Amount, 10^-4, is one digit, so a conversion is one
 * multiplication or division a digit; going through the numeric functions costs
 * ten times that on each line of each journal.
 */
#include "ledger/amount.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define DIGIT_BASE 10000

#define HEADER_KIND       0xC000
#define HEADER_SHORT      0x8000
#define HEADER_SPECIAL    0xC000 /* NaN and the infinities */
#define LONG_NEGATIVE     0x4000
#define SHORT_NEGATIVE    0x2000
#define SHORT_SCALE_SHIFT 7
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F

#define STORED_SCALE 4

/* Ten-thousandths in the smallest unit of a currency with so many decimals. */
static const uint32 unit_of[5] = {10000, 1000, 100, 10, 1};

static const int64 powers_of_ten[MAX_COUNT_DECIMALS + 1] = {INT64CONST(1),
															INT64CONST(10),
															INT64CONST(100),
															INT64CONST(1000),
															INT64CONST(10000),
															INT64CONST(100000),
															INT64CONST(1000000),
															INT64CONST(10000000),
															INT64CONST(100000000),
															INT64CONST(1000000000),
															INT64CONST(10000000000),
															INT64CONST(100000000000),
															INT64CONST(1000000000000),
															INT64CONST(10000000000000),
															INT64CONST(100000000000000),
															INT64CONST(1000000000000000),
															INT64CONST(10000000000000000),
															INT64CONST(100000000000000000),
															INT64CONST(1000000000000000000)};

typedef struct NumericView
{
	bool special;
	bool negative;
	int weight; /* of the first digit, in powers of 10000 */
	int ndigits;
	const char *digits; /* int16 each, perhaps not aligned */
} NumericView;

static inline int
digit_at(const NumericView *view, int i)
{
	int16 digit;

	if (i < 0 || i >= view->ndigits)
		return 0;
	memcpy(&digit, view->digits + i * sizeof(int16), sizeof(int16));
	return digit;
}

static inline void
view_numeric(Datum numeric, NumericView *view)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(numeric);
	const char *data;
	int size;
	uint16 header;

	if (unlikely(VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v)))
		v = PG_DETOAST_DATUM_PACKED(numeric);
	data = VARDATA_ANY(v);
	size = VARSIZE_ANY_EXHDR(v);
	memcpy(&header, data, sizeof(header));

	view->special = (header & HEADER_KIND) == HEADER_SPECIAL;
	view->negative = false;
	view->weight = 0;
	if ((header & HEADER_KIND) == HEADER_SHORT)
	{
		view->negative = (header & SHORT_NEGATIVE) != 0;
		view->weight = (header & SHORT_WEIGHT_MASK) - (header & SHORT_WEIGHT_SIGN);
		data += sizeof(uint16);
		size -= sizeof(uint16);
	}
	else if (!view->special)
	{
		int16 weight;

		memcpy(&weight, data + sizeof(uint16), sizeof(weight));
		view->negative = (header & HEADER_KIND) == LONG_NEGATIVE;
		view->weight = weight;
		data += 2 * sizeof(uint16);
		size -= 2 * sizeof(uint16);
	}
	view->digits = data;
	view->ndigits = size / (int) sizeof(int16);
}

/* The absolute value in ten-thousandths, cut off; the number must be below 10^16. */
static inline uint128
scaled_value(const NumericView *view)
{
	uint64 high = 0;
	int last = view->weight + 1; /* position of the ten-thousandths */
	int i;

	if (last < 0)
		return 0;
	/* Four digits fit 64 bits; the fifth may not. */
	for (i = 0; i < Min(last + 1, 4); i++)
		high = high * DIGIT_BASE + digit_at(view, i);
	if (last < 4)
		return high;
	return (uint128) high * DIGIT_BASE + digit_at(view, 4);
}

static inline bool
round_view(const NumericView *view, int minor_units, Amount *amount)
{
	uint128 value;
	uint32 unit = unit_of[minor_units];

	Assert(minor_units >= 0 && minor_units < lengthof(unit_of));
	if (view->special)
		return false;
	if (view->ndigits == 0)
	{
		*amount = 0;
		return true;
	}
	if (view->weight > 3)
		return false;

	value = scaled_value(view);
	if (unit == 1)
	{
		if (digit_at(view, view->weight + 2) >= DIGIT_BASE / 2)
			value++;
	}
	else if (likely((uint64) (value >> 64) == 0))
	{
		uint32 rest = (uint64) value % unit;

		value += (rest >= unit / 2) ? unit - rest : -(int64) rest;
	}
	else
	{
		uint32 rest = (uint32) (value % unit);

		value = value - rest + (rest >= unit / 2 ? unit : 0);
	}

	if (value >= (uint128) AMOUNT_LIMIT)
		return false;
	*amount = view->negative ? -(Amount) value : (Amount) value;
	Assert(amount_is_in_range(*amount) && *amount % unit == 0);
	return true;
}

bool
amount_from_numeric(Datum numeric, int minor_units, Amount *amount)
{
	NumericView view;

	view_numeric(numeric, &view);
	return round_view(&view, minor_units, amount);
}

/* True where a number has no decimals beyond the ten-thousandths: digits that are zero are not stored at its end. */
static inline bool
is_exact(const NumericView *view)
{
	return view->ndigits <= Max(view->weight + 2, 0);
}

Amount
amount_from_stored(Datum numeric)
{
	NumericView view;
	Amount amount;

	view_numeric(numeric, &view);
	if (!is_exact(&view) || !round_view(&view, STORED_SCALE, &amount))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("stored amount is not a numeric(20,4)")));
	return amount;
}

bool
amount_count(Datum numeric, int groups, int128 *count)
{
	NumericView view;
	uint128 value;
	uint64 high = 0;
	int ndigits; /* down to the unit */

	view_numeric(numeric, &view);
	ndigits = view.weight + 1 + groups;
	/* 38 digits fit: nine of base 10000. */
	if (view.special || ndigits > 9 || view.ndigits > Max(ndigits, 0))
		return false;
	for (int i = 0; i < Min(ndigits, 4); i++)
		high = high * DIGIT_BASE + digit_at(&view, i);
	value = high;
	for (int i = 4; i < ndigits; i++)
		value = value * DIGIT_BASE + digit_at(&view, i);
	*count = view.negative ? -(int128) value : (int128) value;
	return true;
}

bool
amount_from_any(Datum numeric, Amount *amount)
{
	return amount_count(numeric, 1, amount);
}

int64
amount_power(int n)
{
	Assert(n >= 0 && n < lengthof(powers_of_ten));
	return powers_of_ten[n];
}

bool
amount_from_count(int128 count, int decimals, int minor_units, Amount *amount)
{
	if (decimals > minor_units)
		count = amount_rounded_quotient(count, powers_of_ten[decimals - minor_units]);
	else
		minor_units = decimals;
	if (count >= AMOUNT_LIMIT || count <= -AMOUNT_LIMIT)
		return false;
	*amount = count * unit_of[minor_units];
	return amount_is_in_range(*amount);
}

Amount
amount_from_sum(Datum numeric)
{
	Amount amount;

	if (!amount_from_any(numeric, &amount))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("stored sum is not a sum of amounts")));
	return amount;
}

/* Header word and digits of an amount at target (even address not needed); returns their size. */
static inline int
write_digits(Amount amount, char *target)
{
	int16 digits[12];
	int ndigits = 0;
	int first;
	int weight;
	int size;
	uint128 value = amount < 0 ? -(uint128) amount : (uint128) amount;
	uint16 header;

	while ((uint64) (value >> 64) != 0)
	{
		digits[ndigits++] = (int16) (value % DIGIT_BASE);
		value /= DIGIT_BASE;
	}
	for (uint64 low = (uint64) value; low != 0; low /= DIGIT_BASE)
		digits[ndigits++] = (int16) (low % DIGIT_BASE);

	/* Digits were made from the right; zeros there are not stored. */
	for (first = 0; first < ndigits && digits[first] == 0; first++)
		;
	weight = first < ndigits ? ndigits - 2 : 0;

	header = HEADER_SHORT | (amount < 0 ? SHORT_NEGATIVE : 0) |
			 (STORED_SCALE << SHORT_SCALE_SHIFT) | (weight < 0 ? SHORT_WEIGHT_SIGN : 0) |
			 (weight & SHORT_WEIGHT_MASK);
	memcpy(target, &header, sizeof(header));
	size = sizeof(header);
	for (int i = ndigits - 1; i >= first; i--)
	{
		memcpy(target + size, &digits[i], sizeof(int16));
		size += sizeof(int16);
	}
	return size;
}

Datum
amount_to_numeric(Amount amount, char *buffer)
{
	int size = write_digits(amount, buffer + VARHDRSZ_SHORT);

	SET_VARSIZE_SHORT(buffer, size + VARHDRSZ_SHORT);
	Assert(VARSIZE_SHORT(buffer) <= AMOUNT_NUMERIC_SIZE);
	Assert(!amount_is_in_range(amount) || amount_from_stored(PointerGetDatum(buffer)) == amount);
	return PointerGetDatum(buffer);
}

Datum
amount_to_new_numeric(Amount amount)
{
	char *v = palloc(VARHDRSZ + AMOUNT_NUMERIC_SIZE);

	SET_VARSIZE(v, VARHDRSZ + write_digits(amount, v + VARHDRSZ));
	Assert(amount_from_sum(PointerGetDatum(v)) == amount);
	return PointerGetDatum(v);
}

char *
amount_to_text(Amount amount)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, amount_to_new_numeric(amount)));
}
