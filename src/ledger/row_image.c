/*
 * row_image.c
 *		Makes the ready-made tuples of row_image.h.
 */
#include "ledger/row_image.h"

/* Where the columns of a header begin, behind the bitmap of its nulls. */
#define HEADER_DATA_OFFSET MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(HEADER_COLUMNS))

StaticAssertDecl((HEADER_COLUMNS + 7) / 8 == (HEADER_COLUMNS_0_1 + 7) / 8,
				 "headers of the layout of 0.1.0 begin alike");

/* The tuple of a row that ends with two amounts, less these; with room for what follows them behind it. */
static RowImage *
make_image(TupleDesc tupdesc, Datum *row, bool *isnull, int first_amount, Size tail_size,
		   MemoryContext context)
{
	char zero[AMOUNT_NUMERIC_SIZE];
	HeapTuple tuple;
	RowImage *image = NULL;

	row[first_amount] = row[first_amount + 1] = amount_to_numeric(0, zero);
	tuple = heap_form_tuple(tupdesc, row, isnull);
	if (tuple->t_len <= MAX_IMAGE_SIZE)
	{
		/* The two zeros have one-byte headers, so they stand unaligned at the end. */
		image = MemoryContextAlloc(context, offsetof(RowImage, tuple) + tuple->t_len + tail_size);
		image->size = tuple->t_len - 2 * VARSIZE_SHORT(zero);
		Assert(memcmp((char *) tuple->t_data + image->size, zero, VARSIZE_SHORT(zero)) == 0);
		image->tail_size = tail_size;
		memcpy(image->tuple, tuple->t_data, image->size);
	}
	heap_freetuple(tuple);
	return image;
}

RowImage *
line_image_make(TupleDesc tupdesc, const Datum values[LINE_COLUMNS], MemoryContext context)
{
	Datum row[LINE_COLUMNS];
	bool isnull[LINE_COLUMNS] = {false};

	memcpy(row, values, sizeof(row));
	row[LINE_JE_ID] = Int64GetDatum(0);
	row[LINE_TXN_ID] = Int64GetDatum(0);
	row[LINE_JE_DATE] = DateADTGetDatum(0);
	return make_image(tupdesc, row, isnull, LINE_DEBIT, 0, context);
}

/* Size of a text as it is stored with a one-byte header; 0 where it is longer than that allows. */
static Size
short_size(Datum text)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(text);

	if (VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v))
		return 0;
	if (VARATT_IS_SHORT(v))
		return VARSIZE_SHORT(v);
	return VARATT_CAN_MAKE_SHORT(v) ? VARATT_CONVERTED_SHORT_SIZE(v) : 0;
}

static void
put_short(char *target, Datum text, Size size)
{
	SET_VARSIZE_SHORT(target, size);
	memcpy(target + VARHDRSZ_SHORT, VARDATA_ANY(DatumGetPointer(text)), size - VARHDRSZ_SHORT);
}

static inline void
mark_present(char *tuple, int column)
{
	((HeapTupleHeader) tuple)->t_bits[column >> 3] |= 1 << (column & 7);
}

/* The columns that end every header of an image, all with one-byte headers. */
static const int tail_columns[] = {HEADER_MEMO, HEADER_JOURNAL_TYPE};

/* The size of these, 0 where there are none; false where one is too long. */
static bool
find_tail_size(int natts, const Datum *values, const bool *nulls, Size *tail_size)
{
	*tail_size = 0;
	for (int i = 0; i < lengthof(tail_columns); i++)
	{
		int column = tail_columns[i];
		Size size;

		if (column >= natts || nulls[column])
			continue;
		size = short_size(values[column]);
		if (size == 0)
			return false;
		*tail_size += size;
	}
	return true;
}

static void
put_tail(RowImage *image, int natts, const Datum *values, const bool *nulls)
{
	char *target = image->tuple + image->size;

	for (int i = 0; i < lengthof(tail_columns); i++)
	{
		int column = tail_columns[i];
		Size size;

		if (column >= natts || nulls[column])
			continue;
		size = short_size(values[column]);
		mark_present(image->tuple, column);
		put_short(target, values[column], size);
		target += size;
	}
	Assert(target == image->tuple + image->size + image->tail_size);
}

RowImage *
header_image_make(TupleDesc tupdesc, const Datum values[HEADER_COLUMNS],
				  const bool nulls[HEADER_COLUMNS], MemoryContext context)
{
	Datum row[HEADER_COLUMNS];
	bool isnull[HEADER_COLUMNS] = {false};
	Size tail_size;
	RowImage *image;

	Assert(tupdesc->natts == HEADER_COLUMNS || tupdesc->natts == HEADER_COLUMNS_0_1);
	if (!find_tail_size(tupdesc->natts, values, nulls, &tail_size))
		return NULL;
	memcpy(row, values, sizeof(Datum) * tupdesc->natts);
	row[HEADER_JE_ID] = Int64GetDatum(0);
	row[HEADER_TXN_ID] = Int64GetDatum(0);
	row[HEADER_JE_DATE] = DateADTGetDatum(0);
	row[HEADER_LINE_COUNT] = Int32GetDatum(0);
	isnull[HEADER_POLICY_NO] = isnull[HEADER_REVERSAL_OF] = isnull[HEADER_MEMO] = true;
	isnull[HEADER_JOURNAL_TYPE] = isnull[HEADER_ORIGINAL_DATE] = true;
	image = make_image(tupdesc, row, isnull, HEADER_TOTAL_DEBIT, tail_size, context);
	if (image != NULL)
		put_tail(image, tupdesc->natts, values, nulls);
	return image;
}

Size
header_image_fill(const RowImage *image, char *target, HeaderValues *values)
{
	Size policy_size = values->policy_no_is_null ? 0 : short_size(values->policy_no);
	Size size = image->size;
	Size amounts_size;
	HeaderStart *start = (HeaderStart *) (target + HEADER_DATA_OFFSET);

	if (!values->policy_no_is_null && policy_size == 0)
		return 0;
	memcpy(target, image->tuple, size);
	Assert(values->line_count >= 0);
	start->je_id = values->je_id;
	start->txn_id = values->txn_id;
	start->je_date = values->je_date;
	start->line_count = values->line_count;
	if (!values->policy_no_is_null)
	{
		mark_present(target, HEADER_POLICY_NO);
		put_short(target + size, values->policy_no, policy_size);
		size += policy_size;
	}
	values->stored_debit = PointerGetDatum(target + size);
	amounts_size = image_put_amounts(target + size, values->total_debit, values->total_credit);
	values->stored_credit = PointerGetDatum(target + size + VARSIZE_SHORT(target + size));
	size += amounts_size;
	memcpy(target + size, image->tuple + image->size, image->tail_size);
	size += image->tail_size;
	if (values->has_original_date)
	{
		memset(target + size, 0, INTALIGN(size) - size);
		size = INTALIGN(size);
		mark_present(target, HEADER_ORIGINAL_DATE);
		memcpy(target + size, &values->original_date, sizeof(DateADT));
		size += sizeof(DateADT);
	}
	return size;
}
