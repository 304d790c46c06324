/*
 * image.c
 *		Makes the ready-made tuples of image.h.
 */
#include "image.h"

/* Longer rows go the ordinary way, which may move values to TOAST. */
#define MAX_IMAGE_SIZE 1500

bool
line_image_fits(TupleDesc tupdesc, const AttrNumber columns[LINE_COLUMNS])
{
	if (tupdesc->natts != LINE_COLUMNS)
		return false;
	for (int i = 0; i < LINE_COLUMNS; i++)
		if (columns[i] != i + 1)
			return false;
	return true;
}

LineImage *
line_image_make(TupleDesc tupdesc, const Datum values[LINE_COLUMNS], MemoryContext context)
{
	Datum row[LINE_COLUMNS];
	bool isnull[LINE_COLUMNS] = {false};
	char zero[AMOUNT_NUMERIC_SIZE];
	HeapTuple tuple;
	LineImage *image;

	memcpy(row, values, sizeof(row));
	row[LINE_JE_ID] = Int64GetDatum(0);
	row[LINE_TXN_ID] = Int64GetDatum(0);
	row[LINE_JE_DATE] = DateADTGetDatum(0);
	row[LINE_DEBIT] = row[LINE_CREDIT] = amount_to_numeric(0, zero);
	tuple = heap_form_tuple(tupdesc, row, isnull);
	if (tuple->t_len > MAX_IMAGE_SIZE)
	{
		heap_freetuple(tuple);
		return NULL;
	}

	/* The two zeros have one-byte headers, so they stand unaligned at the end. */
	image = MemoryContextAlloc(context, offsetof(LineImage, tuple) + tuple->t_len);
	image->size = tuple->t_len - 2 * VARSIZE_SHORT(zero);
	memcpy(image->tuple, tuple->t_data, image->size);
	heap_freetuple(tuple);
	return image;
}

#define HEADER_BITMAP_OFFSET MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(HEADER_COLUMNS))

bool
header_image_fits(TupleDesc tupdesc, const AttrNumber columns[HEADER_COLUMNS])
{
	if (tupdesc->natts != HEADER_COLUMNS)
		return false;
	for (int i = 0; i < HEADER_COLUMNS; i++)
		if (columns[i] != i + 1)
			return false;
	return true;
}

HeaderImage *
header_image_make(TupleDesc tupdesc, const Datum values[HEADER_COLUMNS], MemoryContext context)
{
	Datum row[HEADER_COLUMNS];
	bool isnull[HEADER_COLUMNS] = {false};
	char zero[AMOUNT_NUMERIC_SIZE];
	HeapTuple tuple;
	HeaderImage *image;

	memcpy(row, values, sizeof(row));
	row[HEADER_JE_ID] = Int64GetDatum(0);
	row[HEADER_TXN_ID] = Int64GetDatum(0);
	row[HEADER_JE_DATE] = DateADTGetDatum(0);
	row[HEADER_LINE_COUNT] = Int32GetDatum(0);
	row[HEADER_TOTAL_DEBIT] = row[HEADER_TOTAL_CREDIT] = amount_to_numeric(0, zero);
	isnull[HEADER_POLICY_NO] = isnull[HEADER_REVERSAL_OF] = isnull[HEADER_MEMO] = true;
	tuple = heap_form_tuple(tupdesc, row, isnull);
	Assert(tuple->t_data->t_hoff == HEADER_BITMAP_OFFSET);
	if (tuple->t_len > MAX_IMAGE_SIZE)
	{
		heap_freetuple(tuple);
		return NULL;
	}
	image = MemoryContextAlloc(context, offsetof(HeaderImage, tuple) + tuple->t_len);
	image->size = tuple->t_len - 2 * VARSIZE_SHORT(zero);
	memcpy(image->tuple, tuple->t_data, image->size);
	heap_freetuple(tuple);
	return image;
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

bool
header_image_put(const HeaderImage *image, BulkWriter *writer, const HeaderValues *values)
{
	Size policy_size = values->policy_no_is_null ? 0 : short_size(values->policy_no);
	Size size = image->size;
	char *tuple;
	char *data;

	if (!values->policy_no_is_null && policy_size == 0)
		return false;
	tuple = bulk_writer_reserve(writer, size + policy_size + 2 * AMOUNT_NUMERIC_SIZE);
	data = tuple + HEADER_BITMAP_OFFSET;
	memcpy(tuple, image->tuple, size);
	*(int64 *) data = values->je_id;
	*(int64 *) (data + 2 * sizeof(int64)) = values->txn_id;
	*(DateADT *) (data + 3 * sizeof(int64)) = values->je_date;
	*(int32 *) (data + 3 * sizeof(int64) + 3 * sizeof(int32)) = values->line_count;
	if (!values->policy_no_is_null)
	{
		((HeapTupleHeader) tuple)->t_bits[HEADER_POLICY_NO >> 3] |= 1 << (HEADER_POLICY_NO & 7);
		SET_VARSIZE_SHORT(tuple + size, policy_size);
		memcpy(tuple + size + VARHDRSZ_SHORT, VARDATA_ANY(DatumGetPointer(values->policy_no)),
			   policy_size - VARHDRSZ_SHORT);
		size += policy_size;
	}
	size += VARSIZE_SHORT(DatumGetPointer(amount_to_numeric(values->total_debit, tuple + size)));
	size += VARSIZE_SHORT(DatumGetPointer(amount_to_numeric(values->total_credit, tuple + size)));
	bulk_writer_commit(writer, size);
	return true;
}
