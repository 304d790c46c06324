/*
 * row_image.h
 *		Journal lines and headers as ready-made tuples.
 *
 * Lines of one route and template line differ in je_id, txn_id, je_date, debit
 * and credit only. The tuple is formed once, and each line is a copy of it with
 * the first three put in at their places and the two amounts, which end the row,
 * behind. Forming each line anew costs five times as much.
 */
#ifndef LEDGER_ROW_IMAGE_H
#define LEDGER_ROW_IMAGE_H

#include "ledger/amount.h"
#include "ledger/line_layout.h"

#include "access/htup_details.h"

typedef struct RowImage
{
	Size size; /* of the tuple up to what each row has of its own */
	Size
		tail_size; /* of a header's memo and journal_type, which follow its totals and stand here behind the tuple */
	char tuple[FLEXIBLE_ARRAY_MEMBER];
} RowImage;

/*
 * The image of a line, in the given context; of values, those that images leave
 * open are not read. NULL where the row is too long for the buffer.
 */
extern RowImage *
line_image_make(TupleDesc tupdesc, const Datum values[LINE_COLUMNS], MemoryContext context);

/* Writes two amounts at target; their size. */
static inline Size
image_put_amounts(char *target, Amount debit, Amount credit)
{
	Size size = VARSIZE_SHORT(DatumGetPointer(amount_to_numeric(debit, target)));

	return size + VARSIZE_SHORT(DatumGetPointer(amount_to_numeric(credit, target + size)));
}

/* Longer rows go the ordinary way, which may move values to TOAST. */
#define MAX_IMAGE_SIZE      1500
#define MAX_LINE_IMAGE_SIZE (MAX_IMAGE_SIZE + 2 * AMOUNT_NUMERIC_SIZE)

/* Makes a line at target, which has room for MAX_LINE_IMAGE_SIZE bytes; its size. */
static inline Size
line_image_fill(const RowImage *image, char *target, int64 je_id, int64 txn_id, DateADT je_date,
				Amount debit, Amount credit)
{
	LineStart *start = (LineStart *) (target + MAXALIGN(SizeofHeapTupleHeader));

	memcpy(target, image->tuple, image->size);
	start->je_id = je_id;
	start->txn_id = txn_id;
	start->je_date = je_date;
	return image->size + image_put_amounts(target + image->size, debit, credit);
}

/*
 * Headers likewise: those of one route and template differ in je_id, txn_id,
 * je_date, line_count, policy_no, totals and original_date. policy_no, which may
 * be null, the totals, the template's memo, which may be null too, journal_type,
 * and original_date where there is one end what is stored; reversal_of, always
 * null, takes no room.
 *
 * header_image_make() makes the image of a header; of values, those that images leave open are not read,
 * and of nulls only those of memo and journal_type. NULL where it, or one of these, is too long. The table is of this
 * layout or of that of 0.1.0, which has neither journal_type nor original_date.
 */
extern RowImage *header_image_make(TupleDesc tupdesc, const Datum values[HEADER_COLUMNS],
								   const bool nulls[HEADER_COLUMNS], MemoryContext context);

/* What a header has of its own. */
typedef struct HeaderValues
{
	int64 je_id;
	int64 txn_id;
	DateADT je_date;
	int32 line_count;
	Datum policy_no;
	bool policy_no_is_null;
	Amount total_debit;
	Amount total_credit;
	bool has_original_date;
	DateADT original_date;
	Datum stored_debit; /* set where a header is made: the totals as they are in it */
	Datum stored_credit;
} HeaderValues;

/* The columns that these are. */
#define HEADER_OWN_COLUMNS                                                                    \
	{                                                                                         \
		HEADER_JE_ID, HEADER_TXN_ID, HEADER_JE_DATE, HEADER_LINE_COUNT, HEADER_POLICY_NO,     \
			HEADER_TOTAL_DEBIT, HEADER_TOTAL_CREDIT, HEADER_REVERSAL_OF, HEADER_ORIGINAL_DATE \
	}

/* What follows the image in a header: policy_no with a one-byte length, the totals, memo and journal_type likewise, original_date. */
#define HEADER_IMAGE_TAIL \
	(3 * VARATT_SHORT_MAX + 2 * AMOUNT_NUMERIC_SIZE + ALIGNOF_INT + sizeof(DateADT))

/* Makes a header at target, which has room for MAX_IMAGE_SIZE + HEADER_IMAGE_TAIL bytes; its size, 0 where policy_no is long. */
extern Size header_image_fill(const RowImage *image, char *target, HeaderValues *values);

#endif
