/*
 * correction_writer.c
 *		Writes corrections (see correction_writer.h).
 */
#include "expand/correction_writer.h"

#include "common/progress.h"
#include "expand/staged_rows.h"
#include "ledger/row_image.h"

#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define JOURNAL_TYPE "correction"

/* Fewer journals than that are numbered among others. */
#define FEW_JOURNALS 1000

/* Of the columns of a header, those that the row of a journal that is corrected need not have. */
static const char *const header_may_lack[] = {"run_id",       "line_count",    "total_debit",
											  "total_credit", "reversal_of",   "memo",
											  "journal_type", "original_date", NULL};

/* What lines with the same codes share. */
typedef struct Place
{
	Total *total;
	PageGroup *group;
	RowImage *image; /* NULL: none serves */
} Place;

/* A line to be written. */
typedef struct WrittenLine
{
	NetCodes *codes;
	MinimalTuple dimensions;
	Amount amount; /* debit less credit */
} WrittenLine;

/* A journal that is kept until it is known how journals are numbered. */
typedef struct Kept
{
	MinimalTuple row;
	int nlines;
	WrittenLine *lines;
	Amount debit;
	Amount credit;
} Kept;

struct CorrectionWriter
{
	CorrectionRun *run;
	RunTally *tally;
	LineNet *net;
	StagedRows header;
	StagedRows line;
	RowDigest *header_digest;
	RowDigest *added_digest; /* of columns that the site added to lines; NULL: none */
	Datum journal_type;
	TupleTableSlot *dimensions; /* of a line; NULL: lines have none */
	MemoryContext context;      /* lives as long as the writer */
	MemoryContext row_context;
	PGAlignedBlock row;

	bool keeps;
	MemoryContext kept_context;
	int nkept;
	Kept kept[FEW_JOURNALS];
	TupleTableSlot *kept_row;
};

CorrectionWriter *
correction_writer_open(CorrectionRun *run, RunTally *tally, LineNet *net, TupleDesc dimensions,
					   Oid header, Oid line)
{
	CorrectionWriter *writer = palloc0_object(CorrectionWriter);

	writer->run = run;
	writer->tally = tally;
	writer->net = net;
	writer->journal_type = CStringGetTextDatum(JOURNAL_TYPE);
	writer->context = CurrentMemoryContext;
	writer->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "correction row", ALLOCSET_DEFAULT_SIZES);
	writer->kept_context =
		AllocSetContextCreate(CurrentMemoryContext, "kept corrections", ALLOCSET_DEFAULT_SIZES);
	writer->keeps = run->ids.has_range;
	staged_rows_open(&writer->header, &run->ids, header, "je_header_staging", "ledger_entry_header",
					 header_columns, header_types, HEADER_COLUMNS);
	writer->header_digest =
		row_digest_open(bulk_writer_descriptor(writer->header.writer), (Datum) 0);
	staged_rows_open(&writer->line, &run->ids, line, "je_line_staging", "ledger_entry_line",
					 line_columns, line_types, LINE_COLUMNS);
	writer->added_digest = row_digest_open_added(bulk_writer_descriptor(writer->line.writer));
	if (dimensions != NULL)
	{
		writer->dimensions = MakeSingleTupleTableSlot(dimensions, &TTSOpsMinimalTuple);
		staged_rows_use_source(&writer->line, dimensions, line_columns);
	}
	return writer;
}

/* A code of a line, which may be null. */
static void
set_code(StagedRows *rows, int column, Code code)
{
	if (code.data == NULL)
		staged_rows_set_null(rows, column);
	else
		staged_rows_set(rows, column, code_to_datum(code));
}

/* The columns of a line that its codes and the run fix. */
static void
set_line(CorrectionWriter *writer, const NetCodes *codes)
{
	StagedRows *t = &writer->line;

	staged_rows_set(t, LINE_RUN_ID, Int64GetDatum(writer->run->run_id));
	staged_rows_set(t, LINE_LINE_NO, Int16GetDatum(0));
	for (int i = 0; i < LINE_CODES; i++)
		set_code(t, LINE_FIRST_CODE + i, codes->codes[i]);
}

/* What lines of these codes share, in a context that stays; the first of them has this je_id, and the others are like it. */
static Place *
place_of(CorrectionWriter *writer, NetCodes *codes, int64 je_id)
{
	Place *place = codes->place;
	const Code *c = codes->codes;
	MemoryContext old;

	if (likely(place != NULL))
		return place;
	old = MemoryContextSwitchTo(writer->context);
	place = codes->place = palloc0_object(Place);
	place->total =
		run_total_find(&writer->tally->totals, c[CODE_ENTITY], c[CODE_BASIS], writer->run->je_month,
					   c[CODE_FUND], c[CODE_ACCOUNT], c[CODE_CURRENCY]);
	place->group = staged_rows_group(&writer->line, je_id, writer->run->je_month, c[CODE_ACCOUNT],
									 c[CODE_FUND]);
	if (writer->line.is_own && c[CODE_PRODUCT].data != NULL && c[CODE_CHANNEL].data != NULL)
	{
		set_line(writer, codes);
		place->image = line_image_make(bulk_writer_descriptor(writer->line.writer),
									   writer->line.values, writer->context);
	}
	MemoryContextSwitchTo(old);
	return place;
}

static void
put_image(CorrectionWriter *writer, const Place *place, int64 je_id, int64 txn_id, int line_no,
		  Amount debit, Amount credit)
{
	char *target = writer->row.data;
	Size size =
		line_image_fill(place->image, target, je_id, txn_id, writer->run->je_date, debit, credit);

	Assert(size <= MAX_LINE_IMAGE_SIZE);
	((LineStart *) (target + MAXALIGN(SizeofHeapTupleHeader)))->line_no = (int16) line_no;
	staged_rows_put_row(&writer->line, place->group, (HeapTupleHeader) target, (uint32) size);
}

/* A line where no image serves. In the row context. */
static void
put_formed(CorrectionWriter *writer, const Place *place, const WrittenLine *line, int64 je_id,
		   int64 txn_id, int line_no, Amount debit, Amount credit)
{
	StagedRows *t = &writer->line;

	if (writer->dimensions != NULL)
	{
		ExecStoreMinimalTuple(line->dimensions, writer->dimensions, false);
		slot_getallattrs(writer->dimensions);
		staged_rows_take(t, writer->dimensions);
	}
	set_line(writer, line->codes);
	staged_rows_set(t, LINE_JE_ID, Int64GetDatum(je_id));
	staged_rows_set(t, LINE_TXN_ID, Int64GetDatum(txn_id));
	staged_rows_set(t, LINE_JE_DATE, DateADTGetDatum(writer->run->je_date));
	staged_rows_set(t, LINE_LINE_NO, Int16GetDatum((int16) line_no));
	staged_rows_set(t, LINE_DEBIT, amount_to_new_numeric(debit));
	staged_rows_set(t, LINE_CREDIT, amount_to_new_numeric(credit));
	if (writer->added_digest != NULL)
		row_digest_add(writer->added_digest, t->values, t->isnull, &writer->tally->added);
	staged_rows_put(t, place->group);
}

static void
put_line(CorrectionWriter *writer, const WrittenLine *line, int64 je_id, int64 txn_id, int line_no)
{
	Place *place = place_of(writer, line->codes, je_id);
	/* What is negative is on the other side. */
	Amount debit = Max(line->amount, 0);
	Amount credit = Max(-line->amount, 0);

	run_total_add(place->total, debit, credit);
	digest_add_line(&writer->tally->lines, line->codes->hash, txn_id, true, writer->run->je_date,
					line_no, debit, credit);
	if (place->image != NULL)
		put_image(writer, place, je_id, txn_id, line_no, debit, credit);
	else
		put_formed(writer, place, line, je_id, txn_id, line_no, debit, credit);
}

static void
put_header(CorrectionWriter *writer, TupleTableSlot *row, int64 je_id, int nlines, Amount debit,
		   Amount credit)
{
	StagedRows *t = &writer->header;
	CorrectionRun *run = writer->run;
	Digest digest = {0};
	Code entity = code_from_datum(staged_rows_require(t, row, HEADER_ENTITY));
	Code basis = code_from_datum(staged_rows_require(t, row, HEADER_BASIS));

	staged_rows_take(t, row);
	staged_rows_set(t, HEADER_REVERSAL_OF, staged_rows_require(t, row, HEADER_JE_ID));
	staged_rows_set(t, HEADER_JE_ID, Int64GetDatum(je_id));
	staged_rows_set(t, HEADER_RUN_ID, Int64GetDatum(run->run_id));
	staged_rows_set(t, HEADER_JE_DATE, DateADTGetDatum(run->je_date));
	staged_rows_set(t, HEADER_LINE_COUNT, Int32GetDatum(nlines));
	staged_rows_set(t, HEADER_TOTAL_DEBIT, amount_to_new_numeric(debit));
	staged_rows_set(t, HEADER_TOTAL_CREDIT, amount_to_new_numeric(credit));
	if (run->memo != 0)
		staged_rows_set(t, HEADER_MEMO, run->memo);
	staged_rows_set(t, HEADER_JOURNAL_TYPE, writer->journal_type);
	run_tally_header(writer->tally, InvalidOid, run_bases_find(&run->bases, basis), nlines, debit,
					 credit);
	row_digest_add_columns(writer->header_digest, t->values, t->isnull, &digest);
	row_digest_end(digest, &writer->tally->headers);
	staged_rows_put(t, staged_rows_group(t, je_id, run->je_month, entity, basis));
}

static void
write_journal(CorrectionWriter *writer, TupleTableSlot *row, const WrittenLine *lines, int nlines,
			  Amount debit, Amount credit)
{
	MemoryContext old;
	int64 je_id = je_id_take(&writer->run->ids, writer->run->je_month);
	int64 txn_id;

	if (unlikely(writer->header.source == NULL))
	{
		old = MemoryContextSwitchTo(writer->context);
		staged_rows_use_source(&writer->header, CreateTupleDescCopy(row->tts_tupleDescriptor),
							   header_may_lack);
		MemoryContextSwitchTo(old);
	}
	old = MemoryContextSwitchTo(writer->row_context);
	txn_id = DatumGetInt64(staged_rows_require(&writer->header, row, HEADER_TXN_ID));
	put_header(writer, row, je_id, nlines, debit, credit);
	for (int i = 0; i < nlines; i++)
		put_line(writer, &lines[i], je_id, txn_id, i + 1);
	MemoryContextSwitchTo(old);
	MemoryContextReset(writer->row_context);
	progress_add(1 + nlines);
}

/* Nulls come last. */
static int
compare_codes(Code a, Code b)
{
	if (a.data == NULL || b.data == NULL)
		return (a.data == NULL) - (b.data == NULL);
	return code_compare(a, b);
}

/* By fund, debits before credits, then by account, currency, product, channel and dimensions. */
static int
compare_lines(const void *a, const void *b, void *arg)
{
	static const int by[] = {CODE_ACCOUNT, CODE_CURRENCY, CODE_PRODUCT, CODE_CHANNEL};
	const WrittenLine *x = a;
	const WrittenLine *y = b;
	CorrectionWriter *writer = arg;
	int c = compare_codes(x->codes->codes[CODE_FUND], y->codes->codes[CODE_FUND]);

	if (c == 0)
		c = (x->amount < 0) - (y->amount < 0);
	for (int i = 0; c == 0 && i < lengthof(by); i++)
		c = compare_codes(x->codes->codes[by[i]], y->codes->codes[by[i]]);
	if (c == 0)
		c = line_net_compare_dimensions(writer->net, x->dimensions, y->dimensions);
	return c;
}

static void
write_kept(CorrectionWriter *writer)
{
	writer->keeps = false;
	for (int i = 0; i < writer->nkept; i++)
	{
		Kept *kept = &writer->kept[i];

		ExecStoreMinimalTuple(kept->row, writer->kept_row, false);
		slot_getallattrs(writer->kept_row);
		write_journal(writer, writer->kept_row, kept->lines, kept->nlines, kept->debit,
					  kept->credit);
	}
	writer->nkept = 0;
	MemoryContextReset(writer->kept_context);
}

static void
keep_journal(CorrectionWriter *writer, TupleTableSlot *row, const WrittenLine *lines, int nlines,
			 Amount debit, Amount credit)
{
	Kept *kept = &writer->kept[writer->nkept++];
	MemoryContext old;

	if (writer->kept_row == NULL)
	{
		old = MemoryContextSwitchTo(writer->context);
		writer->kept_row = MakeSingleTupleTableSlot(CreateTupleDescCopy(row->tts_tupleDescriptor),
													&TTSOpsMinimalTuple);
		MemoryContextSwitchTo(old);
	}
	old = MemoryContextSwitchTo(writer->kept_context);
	kept->row = ExecCopySlotMinimalTuple(row);
	kept->nlines = nlines;
	kept->debit = debit;
	kept->credit = credit;
	kept->lines = palloc_array(WrittenLine, nlines);
	memcpy(kept->lines, lines, nlines * sizeof(WrittenLine));
	for (int i = 0; i < nlines; i++)
		if (lines[i].dimensions != NULL)
		{
			kept->lines[i].dimensions = palloc(lines[i].dimensions->t_len);
			memcpy(kept->lines[i].dimensions, lines[i].dimensions, lines[i].dimensions->t_len);
		}
	MemoryContextSwitchTo(old);
	if (writer->nkept == FEW_JOURNALS)
		write_kept(writer);
}

void
correction_writer_put(CorrectionWriter *writer, TupleTableSlot *row, const NetLine *lines,
					  int nlines, Amount debit, Amount credit)
{
	WrittenLine *written = palloc_array(WrittenLine, nlines);
	int count = 0;

	for (int i = 0; i < nlines; i++)
		if (lines[i].expected != lines[i].posted)
			written[count++] = (WrittenLine){lines[i].codes, lines[i].dimensions,
											 lines[i].expected - lines[i].posted};
	if (count > PG_INT16_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a journal cannot have more than %d lines", PG_INT16_MAX)));
	qsort_arg(written, count, sizeof(WrittenLine), compare_lines, writer);
	if (writer->keeps)
		keep_journal(writer, row, written, count, debit, credit);
	else
		write_journal(writer, row, written, count, debit, credit);
}

const RowDigest *
correction_writer_header_digest(const CorrectionWriter *writer)
{
	return writer->header_digest;
}

const RowDigest *
correction_writer_added_digest(const CorrectionWriter *writer)
{
	return writer->added_digest;
}

void
correction_writer_close(CorrectionWriter *writer)
{
	if (writer->keeps)
	{
		writer->run->ids.has_range = false;
		write_kept(writer);
	}
	if (writer->kept_row != NULL)
		ExecDropSingleTupleTableSlot(writer->kept_row);
	if (writer->dimensions != NULL)
		ExecDropSingleTupleTableSlot(writer->dimensions);
	staged_rows_close(&writer->header);
	staged_rows_close(&writer->line);
}
