/*
 * image.c
 *		Makes the ready-made tuples of image.h.
 */
#include "image.h"

/* Where the columns of a header begin, behind the bitmap of its nulls. */
#define HEADER_DATA_OFFSET MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(HEADER_COLUMNS))

bool
image_fits(TupleDesc tupdesc, const AttrNumber *columns, int count)
{
	if (tupdesc->natts != count)
		return false;
	for (int i = 0; i < count; i++)
		if (columns[i] != i + 1)
			return false;
	return true;
}

/* The tuple of a row that ends with two amounts, less these. */
static RowImage *
make_image(TupleDesc tupdesc, Datum *row, bool *isnull, int first_amount, MemoryContext context)
{
	char zero[AMOUNT_NUMERIC_SIZE];
	HeapTuple tuple;
	RowImage *image = NULL;

	row[first_amount] = row[first_amount + 1] = amount_to_numeric(0, zero);
	tuple = heap_form_tuple(tupdesc, row, isnull);
	if (tuple->t_len <= MAX_IMAGE_SIZE)
	{
		/* The two zeros have one-byte headers, so they stand unaligned at the end. */
		image = MemoryContextAlloc(context, offsetof(RowImage, tuple) + tuple->t_len);
		image->size = tuple->t_len - 2 * VARSIZE_SHORT(zero);
		Assert(memcmp((char *) tuple->t_data + image->size, zero, VARSIZE_SHORT(zero)) == 0);
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
	return make_image(tupdesc, row, isnull, LINE_DEBIT, context);
}

RowImage *
header_image_make(TupleDesc tupdesc, const Datum values[HEADER_COLUMNS], MemoryContext context)
{
	Datum row[HEADER_COLUMNS];
	bool isnull[HEADER_COLUMNS] = {false};

	memcpy(row, values, sizeof(row));
	row[HEADER_JE_ID] = Int64GetDatum(0);
	row[HEADER_TXN_ID] = Int64GetDatum(0);
	row[HEADER_JE_DATE] = DateADTGetDatum(0);
	row[HEADER_LINE_COUNT] = Int32GetDatum(0);
	isnull[HEADER_POLICY_NO] = isnull[HEADER_REVERSAL_OF] = isnull[HEADER_MEMO] = true;
	return make_image(tupdesc, row, isnull, HEADER_TOTAL_DEBIT, context);
}

/* Size of a policy number as it is stored with a one-byte header; 0 where it is longer than that allows. */
static Size
short_size(Datum policy_no)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(policy_no);

	if (VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v))
		return 0;
	if (VARATT_IS_SHORT(v))
		return VARSIZE_SHORT(v);
	return VARATT_CAN_MAKE_SHORT(v) ? VARATT_CONVERTED_SHORT_SIZE(v) : 0;
}

Size
header_image_fill(const RowImage *image, char *target, const HeaderValues *values)
{
	Size policy_size = values->policy_no_is_null ? 0 : short_size(values->policy_no);
	Size size = image->size;
	char *data = target + HEADER_DATA_OFFSET;

	if (!values->policy_no_is_null && policy_size == 0)
		return 0;
	memcpy(target, image->tuple, size);
	image_put_identity(data, values->je_id, values->txn_id, values->je_date);
	Assert(values->line_count >= 0);
	*(int32 *) (data + 3 * sizeof(int64) + 3 * sizeof(int32)) = values->line_count;
	if (!values->policy_no_is_null)
	{
		((HeapTupleHeader) target)->t_bits[HEADER_POLICY_NO >> 3] |= 1 << (HEADER_POLICY_NO & 7);
		SET_VARSIZE_SHORT(target + size, policy_size);
		memcpy(target + size + VARHDRSZ_SHORT, VARDATA_ANY(DatumGetPointer(values->policy_no)),
			   policy_size - VARHDRSZ_SHORT);
		size += policy_size;
	}
	return size + image_put_amounts(target + size, values->total_debit, values->total_credit);
}
