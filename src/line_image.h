/*
 * line_image.h
 *		Journal lines as ready-made tuples.
 *
 * Lines of one route and template line differ in je_id, txn_id, je_date, debit
 * and credit only. The tuple is formed once, and each line is a copy of it with
 * the first three put in at their places and the two amounts, which end the row,
 * behind. Forming each line anew costs five times as much.
 */
#ifndef LEDGER_LINE_IMAGE_H
#define LEDGER_LINE_IMAGE_H

#include "ledger_engine.h"

#include "access/htup_details.h"
#include "amount.h"
#include "bulk_writer.h"
#include "utils/date.h"

/* The columns of a line, in the order in which images need the table to have them. */
enum
{
	LINE_JE_ID,
	LINE_RUN_ID,
	LINE_TXN_ID,
	LINE_JE_DATE,
	LINE_LINE_NO,
	LINE_ENTITY,
	LINE_BASIS,
	LINE_ACCOUNT,
	LINE_FUND,
	LINE_CURRENCY,
	LINE_PRODUCT,
	LINE_CHANNEL,
	LINE_DEBIT,
	LINE_CREDIT,
	LINE_COLUMNS
};

typedef struct LineImage
{
	Size size; /* of the tuple up to its amounts */
	char tuple[FLEXIBLE_ARRAY_MEMBER];
} LineImage;

/* True where a table's rows can be written by images: it has these columns alone, in this order. */
extern bool line_image_fits(TupleDesc tupdesc, const AttrNumber columns[LINE_COLUMNS]);

/*
 * The image of a line, in the given context; of values, those that images leave
 * open are not read. NULL where the row is too long for the buffer.
 */
extern LineImage *
line_image_make(TupleDesc tupdesc, const Datum values[LINE_COLUMNS], MemoryContext context);

/* Puts a line into the writer's buffer. */
static inline void
line_image_put(const LineImage *image, BulkWriter *writer, int64 je_id, int64 txn_id,
			   DateADT je_date, Amount debit, Amount credit)
{
	char *tuple = bulk_writer_reserve(writer, image->size + 2 * AMOUNT_NUMERIC_SIZE);
	char *data = tuple + MAXALIGN(SizeofHeapTupleHeader);
	Size size = image->size;

	memcpy(tuple, image->tuple, size);
	*(int64 *) data = je_id;
	*(int64 *) (data + 2 * sizeof(int64)) = txn_id;
	*(DateADT *) (data + 3 * sizeof(int64)) = je_date;
	size += VARSIZE_SHORT(DatumGetPointer(amount_to_numeric(debit, tuple + size)));
	size += VARSIZE_SHORT(DatumGetPointer(amount_to_numeric(credit, tuple + size)));
	bulk_writer_commit(writer, size);
}

#endif
