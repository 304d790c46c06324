/*
 * row_image.c
 *		Makes the ready-made tuples of row_image.h.
 */
#include "ledger/row_image.h"

/* Where the columns of a header begin, behind the bitmap of its nulls. */
#define HEADER_DATA_OFFSET MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(HEADER_COLUMNS))

/* The tuple of a row that ends with two amounts, less these; with room for a memo behind it. */
static RowImage *
make_image(TupleDesc tupdesc, Datum *row, bool *isnull, int first_amount, Size memo_size,
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
		image = MemoryContextAlloc(context, offsetof(RowImage, tuple) + tuple->t_len + memo_size);
		image->size = tuple->t_len - 2 * VARSIZE_SHORT(zero);
		Assert(memcmp((char *) tuple->t_data + image->size, zero, VARSIZE_SHORT(zero)) == 0);
		image->memo_size = memo_size;
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

RowImage *
header_image_make(TupleDesc tupdesc, const Datum values[HEADER_COLUMNS],
				  const bool nulls[HEADER_COLUMNS], MemoryContext context)
{
	Datum row[HEADER_COLUMNS];
	bool isnull[HEADER_COLUMNS] = {false};
	bool has_memo = !nulls[HEADER_MEMO];
	Size memo_size = has_memo ? short_size(values[HEADER_MEMO]) : 0;
	RowImage *image;

	if (has_memo && memo_size == 0)
		return NULL;
	memcpy(row, values, sizeof(row));
	row[HEADER_JE_ID] = Int64GetDatum(0);
	row[HEADER_TXN_ID] = Int64GetDatum(0);
	row[HEADER_JE_DATE] = DateADTGetDatum(0);
	row[HEADER_LINE_COUNT] = Int32GetDatum(0);
	isnull[HEADER_POLICY_NO] = isnull[HEADER_REVERSAL_OF] = isnull[HEADER_MEMO] = true;
	image = make_image(tupdesc, row, isnull, HEADER_TOTAL_DEBIT, memo_size, context);
	if (image != NULL && has_memo)
	{
		((HeapTupleHeader) image->tuple)->t_bits[HEADER_MEMO >> 3] |= 1 << (HEADER_MEMO & 7);
		put_short(image->tuple + image->size, values[HEADER_MEMO], memo_size);
	}
	return image;
}

Size
header_image_fill(const RowImage *image, char *target, const HeaderValues *values)
{
	Size policy_size = values->policy_no_is_null ? 0 : short_size(values->policy_no);
	Size size = image->size;
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
		((HeapTupleHeader) target)->t_bits[HEADER_POLICY_NO >> 3] |= 1 << (HEADER_POLICY_NO & 7);
		put_short(target + size, values->policy_no, policy_size);
		size += policy_size;
	}
	size += image_put_amounts(target + size, values->total_debit, values->total_credit);
	memcpy(target + size, image->tuple + image->size, image->memo_size);
	return size + image->memo_size;
}
