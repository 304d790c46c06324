/*
 * fixed_point_evaluate.c
 *		Evaluates expressions in integers (see fixed_point_evaluate.h).
 *
 * What does not fit is left to the server: a factor of more than 64 bits, a value
 * of more decimals than are known. Nothing here can fail in another way, so the
 * order of evaluation does not matter.
 */
#include "policy/fixed_point_evaluate.h"

#include "miscadmin.h"
#include "utils/date.h"

/* The bytes of a text; false where it is NULL. What is stored elsewhere or compressed is left to the server. */
static inline bool
find_text(const FixedText *text, TupleTableSlot *slot, bool *is_plain, Code *code)
{
	Datum datum;

	if (text->column == 0)
	{
		*code = text->code;
		return true;
	}
	if (slot->tts_isnull[text->column - 1])
		return false;
	datum = slot->tts_values[text->column - 1];
	*is_plain &= !VARATT_IS_EXTERNAL(DatumGetPointer(datum)) &&
				 !VARATT_IS_COMPRESSED(DatumGetPointer(datum));
	if (*is_plain)
		*code = code_from_datum(datum);
	return true;
}

static bool
compare_texts(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	bool is_plain = true;
	Code a = code_null();
	Code b = code_null();

	value->isnull = !find_text(&f->texts[0], slot, &is_plain, &a) ||
					!find_text(&f->texts[1], slot, &is_plain, &b);
	if (!is_plain)
		return false;
	value->count = !value->isnull && code_equal(a, b);
	return true;
}

static bool evaluate(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value);

/* AND and OR: the first argument that decides does, else a NULL among them. */
static bool
evaluate_boolean(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	bool decides = f->kind == FIXED_OR;
	bool has_null = false;

	for (int i = 0; i < f->nargs; i++)
	{
		if (!evaluate(f->args[i], slot, value))
			return false;
		if (value->isnull)
			has_null = true;
		else if ((value->count != 0) == decides)
			return true;
	}
	value->isnull = has_null;
	value->count = !has_null && !decides;
	return true;
}

/* GREATEST and LEAST: of the arguments that are not NULL. */
static bool
evaluate_extreme(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	FixedValue other;

	value->isnull = true;
	for (int i = 0; i < f->nargs; i++)
	{
		if (!evaluate(f->args[i], slot, &other))
			return false;
		if (!other.isnull &&
			(value->isnull ||
			 (f->kind == FIXED_GREATEST ? other.count > value->count : other.count < value->count)))
			*value = other;
	}
	return true;
}

static bool
evaluate_case(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	for (int i = 1; i < f->nargs; i += 2)
	{
		if (!evaluate(f->args[i], slot, value))
			return false;
		if (!value->isnull && value->count != 0)
			return evaluate(f->args[i + 1], slot, value);
	}
	return evaluate(f->args[0], slot, value);
}

static bool
evaluate_first(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	value->isnull = true;
	for (int i = 0; i < f->nargs && value->isnull; i++)
		if (!evaluate(f->args[i], slot, value))
			return false;
	return true;
}

/* Functions of one number, NULL for NULL. */
static inline bool
evaluate_unary(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	if (!evaluate(f->args[0], slot, value))
		return false;
	if (value->isnull)
		return true;
	switch (f->kind)
	{
		case FIXED_NOT:
			value->count = value->count == 0;
			return true;
		case FIXED_ABS:
			if (value->count >= 0)
				return true;
			/* FALLTHROUGH */
		case FIXED_NEGATE:
			return !__builtin_sub_overflow((int128) 0, value->count, &value->count);
		case FIXED_RAISE:
			if (!fits_factor(value->count))
				return false;
			value->count *= f->power;
			return true;
		case FIXED_ROUND:
			value->count = amount_rounded_quotient(value->count, f->power);
			return true;
		default:
			Assert(f->kind == FIXED_TRUNC);
			value->count /= f->power;
			return true;
	}
}

/* Functions of two numbers, NULL where one is. */
static inline bool
evaluate_binary(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	FixedValue right;

	if (!evaluate(f->args[0], slot, value) || !evaluate(f->args[1], slot, &right))
		return false;
	value->isnull |= right.isnull;
	if (value->isnull)
		return true;
	switch (f->kind)
	{
		case FIXED_ADD:
			return !__builtin_add_overflow(value->count, right.count, &value->count);
		case FIXED_SUBTRACT:
			return !__builtin_sub_overflow(value->count, right.count, &value->count);
		case FIXED_MULTIPLY:
			if (!fits_factor(value->count) || !fits_factor(right.count))
				return false;
			value->count = (int128) (int64) value->count * (int64) right.count;
			return true;
		case FIXED_EQUAL:
			value->count = value->count == right.count;
			return true;
		case FIXED_LESS:
			value->count = value->count < right.count;
			return true;
		default:
			Assert(f->kind == FIXED_AT_MOST);
			value->count = value->count <= right.count;
			return true;
	}
}

/* False: the server has to evaluate the expression. */
static bool
evaluate(const FixedPoint *f, TupleTableSlot *slot, FixedValue *value)
{
	int column = f->column - 1;

	switch (f->kind)
	{
		case FIXED_CONSTANT:
			*value = f->constant;
			return true;
		case FIXED_NUMERIC:
			value->isnull = slot->tts_isnull[column];
			return value->isnull || amount_count(slot->tts_values[column],
												 f->decimals / DECIMALS_OF_DIGIT, &value->count);
		case FIXED_INT2:
			value->isnull = slot->tts_isnull[column];
			value->count = DatumGetInt16(slot->tts_values[column]);
			return true;
		case FIXED_INT4:
			value->isnull = slot->tts_isnull[column];
			value->count = DatumGetInt32(slot->tts_values[column]);
			return true;
		case FIXED_INT8:
			value->isnull = slot->tts_isnull[column];
			value->count = DatumGetInt64(slot->tts_values[column]);
			return true;
		case FIXED_BOOL:
			value->isnull = slot->tts_isnull[column];
			value->count = DatumGetBool(slot->tts_values[column]);
			return true;
		case FIXED_IS_NULL:
			value->isnull = false;
			value->count = slot->tts_isnull[column];
			return true;
		case FIXED_TEXT_EQUAL:
			return compare_texts(f, slot, value);
		case FIXED_NEGATE:
		case FIXED_ABS:
		case FIXED_RAISE:
		case FIXED_ROUND:
		case FIXED_TRUNC:
		case FIXED_NOT:
			return evaluate_unary(f, slot, value);
		case FIXED_ADD:
		case FIXED_SUBTRACT:
		case FIXED_MULTIPLY:
		case FIXED_EQUAL:
		case FIXED_LESS:
		case FIXED_AT_MOST:
			return evaluate_binary(f, slot, value);
		case FIXED_GREATEST:
		case FIXED_LEAST:
			return evaluate_extreme(f, slot, value);
		case FIXED_COALESCE:
			return evaluate_first(f, slot, value);
		case FIXED_AND:
		case FIXED_OR:
			return evaluate_boolean(f, slot, value);
		case FIXED_CASE:
			return evaluate_case(f, slot, value);
	}
	return false;
}

bool
fixed_point_amount(const FixedPoint *expression, TupleTableSlot *slot, int minor_units,
				   bool *isnull, Amount *amount)
{
	FixedValue value;

	if (!evaluate(expression, slot, &value))
		return false;
	*isnull = value.isnull;
	return value.isnull ||
		   amount_from_count(value.count, expression->decimals, minor_units, amount);
}

bool
fixed_point_condition(const FixedPoint *expression, TupleTableSlot *slot, bool *holds)
{
	FixedValue value;

	if (!evaluate(expression, slot, &value))
		return false;
	*holds = !value.isnull && value.count != 0;
	return true;
}
