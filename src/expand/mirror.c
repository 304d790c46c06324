/*
 * mirror.c
 *		Writes the mirror images of posted journals (see mirror.h).
 */
#include "expand/mirror.h"

#include "common/crash_point.h"
#include "common/month.h"
#include "common/progress.h"
#include "expand/staged_rows.h"
#include "ledger/row_image.h"
#include "table/page_reader.h"

#include "access/parallel.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define JOURNAL_TYPE "reversal"

/* Of the engine's columns, those that a row of the ledger may lack: a month that was archived before has not all. */
static const char *const younger_columns[] = {"journal_type", "original_date", NULL};

/* What lines with the same codes share. */
#define KNOWN_PLACES 4096 /* a power of two */

typedef struct Place
{
	bool is_set;
	Digest codes;
	Total *total;
	PageGroup *group;
} Place;

struct Mirror
{
	MirrorRun *run;
	RunTally *tally;
	StagedRows header;
	StagedRows line;
	RowDigest *header_digest;
	RowDigest *added_digest; /* of columns that the site added to lines; NULL: none */
	Datum journal_type;
	Place *places;
	LineSum originals;
	MemoryContext row_context;
	PGAlignedBlock row;
};

Mirror *
mirror_open(MirrorRun *run, RunTally *tally, Oid header, Oid line)
{
	Mirror *mirror = palloc0_object(Mirror);

	mirror->run = run;
	mirror->tally = tally;
	mirror->journal_type = CStringGetTextDatum(JOURNAL_TYPE);
	mirror->places = palloc0_array(Place, KNOWN_PLACES);
	mirror->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "mirror row", ALLOCSET_DEFAULT_SIZES);
	staged_rows_open(&mirror->header, &run->ids, header, "je_header_staging", "ledger_entry_header",
					 header_columns, header_types, HEADER_COLUMNS);
	mirror->header_digest =
		row_digest_open(bulk_writer_descriptor(mirror->header.writer), (Datum) 0);
	staged_rows_open(&mirror->line, &run->ids, line, "je_line_staging", "ledger_entry_line",
					 line_columns, line_types, LINE_COLUMNS);
	mirror->added_digest = row_digest_open_added(bulk_writer_descriptor(mirror->line.writer));
	return mirror;
}

void
mirror_header(Mirror *mirror, Oid table, TupleTableSlot *slot)
{
	StagedRows *t = &mirror->header;
	MirrorRun *run = mirror->run;
	MemoryContext old;
	int64 je_id;
	int64 new_id;
	Amount debit;
	Amount credit;
	Digest digest = {0};
	Code entity;
	Code basis;

	slot_getallattrs(slot);
	staged_rows_use_source(t, slot->tts_tupleDescriptor, younger_columns);
	je_id = DatumGetInt64(staged_rows_require(t, slot, HEADER_JE_ID));
	if (!journal_map_find(&run->map, je_id, &new_id))
		return;
	old = MemoryContextSwitchTo(mirror->row_context);
	entity = code_from_datum(staged_rows_require(t, slot, HEADER_ENTITY));
	basis = code_from_datum(staged_rows_require(t, slot, HEADER_BASIS));
	/* The other way round. */
	debit = amount_from_stored(staged_rows_require(t, slot, HEADER_TOTAL_CREDIT));
	credit = amount_from_stored(staged_rows_require(t, slot, HEADER_TOTAL_DEBIT));
	staged_rows_take(t, slot);
	staged_rows_set(t, HEADER_JE_ID, Int64GetDatum(new_id));
	staged_rows_set(t, HEADER_RUN_ID, Int64GetDatum(run->run_id));
	staged_rows_set(t, HEADER_JE_DATE, DateADTGetDatum(run->je_date));
	staged_rows_set(t, HEADER_TOTAL_DEBIT, staged_rows_source_value(t, slot, HEADER_TOTAL_CREDIT));
	staged_rows_set(t, HEADER_TOTAL_CREDIT, staged_rows_source_value(t, slot, HEADER_TOTAL_DEBIT));
	staged_rows_set(t, HEADER_REVERSAL_OF, Int64GetDatum(je_id));
	staged_rows_set(t, HEADER_JOURNAL_TYPE, mirror->journal_type);
	staged_rows_set_null(t, HEADER_ORIGINAL_DATE);
	run_tally_header(mirror->tally, table, run_bases_find(&run->bases, basis),
					 DatumGetInt32(staged_rows_require(t, slot, HEADER_LINE_COUNT)), debit, credit);
	row_digest_add_columns(mirror->header_digest, t->values, t->isnull, &digest);
	row_digest_end(digest, &mirror->tally->headers);
	staged_rows_put(t, staged_rows_group(t, new_id, run->je_month, entity, basis));
	MemoryContextSwitchTo(old);
	MemoryContextReset(mirror->row_context);
	progress_add(1);
}

/* The place of lines of these codes, to be filled in where it is new. */
static inline Place *
place_of(Mirror *mirror, Digest codes)
{
	Place *place = &mirror->places[codes.low & (KNOWN_PLACES - 1)];

	if (!place->is_set || !digest_equal(place->codes, codes))
		place->is_set = false;
	return place;
}

static void
fill_place(Mirror *mirror, Place *place, Digest codes, int64 new_id, TupleTableSlot *slot)
{
	StagedRows *t = &mirror->line;
	Code account = code_from_datum(staged_rows_require(t, slot, LINE_ACCOUNT));
	Code fund = code_from_datum(staged_rows_require(t, slot, LINE_FUND));

	place->codes = codes;
	place->total = run_total_find(
		&mirror->tally->totals, code_from_datum(staged_rows_require(t, slot, LINE_ENTITY)),
		code_from_datum(staged_rows_require(t, slot, LINE_BASIS)), mirror->run->je_month, fund,
		account, code_from_datum(staged_rows_require(t, slot, LINE_CURRENCY)));
	place->group = staged_rows_group(t, new_id, mirror->run->je_month, account, fund);
	place->is_set = true;
}

/* Keeps the books about a line, which is given as it is in the ledger. */
static inline void
tally_line(Mirror *mirror, const Line *line, Total *total)
{
	line_sum_add(&mirror->originals, line);
	run_total_add(total, line->credit, line->debit);
	digest_add_line(&mirror->tally->lines, line->codes, line->txn_id, line->has_txn,
					mirror->run->je_date, line->line_no, line->credit, line->debit);
}

static void
read_slot(const StagedRows *t, TupleTableSlot *slot, Line *line)
{
	Code codes[LINE_CODES];

	for (int i = 0; i < LINE_CODES; i++)
	{
		int column = LINE_FIRST_CODE + i;

		if (line_column_is_nullable(column) && staged_rows_source_isnull(t, slot, column))
			codes[i] = code_null();
		else
			codes[i] = code_from_datum(staged_rows_require(t, slot, column));
	}
	line->je_id = DatumGetInt64(staged_rows_require(t, slot, LINE_JE_ID));
	line->has_txn = !staged_rows_source_isnull(t, slot, LINE_TXN_ID);
	line->txn_id =
		line->has_txn ? DatumGetInt64(staged_rows_source_value(t, slot, LINE_TXN_ID)) : 0;
	line->je_date = DatumGetDateADT(staged_rows_require(t, slot, LINE_JE_DATE));
	line->line_no = DatumGetInt16(staged_rows_require(t, slot, LINE_LINE_NO));
	line->codes = digest_of_codes(codes);
	line->debit = amount_from_stored(staged_rows_require(t, slot, LINE_DEBIT));
	line->credit = amount_from_stored(staged_rows_require(t, slot, LINE_CREDIT));
}

void
mirror_line(Mirror *mirror, TupleTableSlot *slot)
{
	StagedRows *t = &mirror->line;
	MirrorRun *run = mirror->run;
	MemoryContext old;
	int64 new_id;
	Place *place;
	Line line = {0};

	slot_getallattrs(slot);
	staged_rows_use_source(t, slot->tts_tupleDescriptor, younger_columns);
	if (!journal_map_find(&run->map, DatumGetInt64(staged_rows_require(t, slot, LINE_JE_ID)),
						  &new_id))
		return;
	old = MemoryContextSwitchTo(mirror->row_context);
	read_slot(t, slot, &line);
	place = place_of(mirror, line.codes);
	if (!place->is_set)
		fill_place(mirror, place, line.codes, new_id, slot);
	staged_rows_take(t, slot);
	staged_rows_set(t, LINE_JE_ID, Int64GetDatum(new_id));
	staged_rows_set(t, LINE_RUN_ID, Int64GetDatum(run->run_id));
	staged_rows_set(t, LINE_JE_DATE, DateADTGetDatum(run->je_date));
	staged_rows_set(t, LINE_DEBIT, staged_rows_source_value(t, slot, LINE_CREDIT));
	staged_rows_set(t, LINE_CREDIT, staged_rows_source_value(t, slot, LINE_DEBIT));
	tally_line(mirror, &line, place->total);
	if (mirror->added_digest != NULL)
		row_digest_add(mirror->added_digest, t->values, t->isnull, &mirror->tally->added);
	staged_rows_put(t, place->group);
	MemoryContextSwitchTo(old);
	MemoryContextReset(mirror->row_context);
	progress_add(1);
}

/* Copies a line that is stored as expand writes it, with what differs put in. */
static void
copy_line(Mirror *mirror, HeapTuple tuple, const Line *line, int64 new_id, const Place *place)
{
	char *target = mirror->row.data;
	Size start_size = line->stored_debit - (const char *) tuple->t_data;
	Size debit_size = line->stored_credit - line->stored_debit;
	Size credit_size = tuple->t_len - start_size - debit_size;
	LineStart *start = (LineStart *) (target + tuple->t_data->t_hoff);

	Assert(credit_size == VARSIZE_SHORT(line->stored_credit) && tuple->t_len <= BLCKSZ);
	memcpy(target, tuple->t_data, start_size);
	start->je_id = new_id;
	start->run_id = mirror->run->run_id;
	start->je_date = mirror->run->je_date;
	memcpy(target + start_size, line->stored_credit, credit_size);
	memcpy(target + start_size + credit_size, line->stored_debit, debit_size);
	staged_rows_put_row(&mirror->line, place->group, (HeapTupleHeader) target, tuple->t_len);
}

static void
mirror_tuple(Mirror *mirror, LineReader *reader, HeapTuple tuple, TupleTableSlot *slot)
{
	Line line;
	int64 new_id;
	Place *place;

	line_reader_read(reader, tuple, &line);
	if (line.stored_debit == NULL || !mirror->line.is_own)
	{
		ExecStoreHeapTuple(tuple, slot, false);
		mirror_line(mirror, slot);
		ExecClearTuple(slot);
		return;
	}
	if (!journal_map_find(&mirror->run->map, line.je_id, &new_id))
		return;
	place = place_of(mirror, line.codes);
	if (unlikely(!place->is_set))
	{
		ExecStoreHeapTuple(tuple, slot, false);
		slot_getallattrs(slot);
		staged_rows_use_source(&mirror->line, slot->tts_tupleDescriptor, younger_columns);
		fill_place(mirror, place, line.codes, new_id, slot);
		ExecClearTuple(slot);
	}
	tally_line(mirror, &line, place->total);
	copy_line(mirror, tuple, &line, new_id, place);
	progress_add(1);
}

void
mirror_lines_of(Mirror *mirror, Oid table, Snapshot snapshot)
{
	Relation rel = table_open(table, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	LineReader *reader = line_reader_open(rel);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	PageReader pages;

	page_reader_open(&pages, rel, snapshot);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		OffsetNumber last;

		CHECK_FOR_INTERRUPTS();
		last = page_reader_page(&pages, block);
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			HeapTupleData tuple;

			if (page_reader_row(&pages, i, &tuple))
				mirror_tuple(mirror, reader, &tuple, slot);
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	page_reader_close(&pages);
	line_reader_close(reader);
	table_close(rel, NoLock);
}

const RowDigest *
mirror_header_digest(const Mirror *mirror)
{
	return mirror->header_digest;
}

const RowDigest *
mirror_added_digest(const Mirror *mirror)
{
	return mirror->added_digest;
}

void
mirror_forget_source(Mirror *mirror)
{
	mirror->header.source = mirror->line.source = NULL;
}

const LineSum *
mirror_originals(Mirror *mirror)
{
	return &mirror->originals;
}

void
mirror_close(Mirror *mirror)
{
	staged_rows_close(&mirror->header);
	staged_rows_close(&mirror->line);
}
