/*
 * line_image.c
 *		Makes the ready-made tuples of line_image.h.
 */
#include "line_image.h"

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
