/*
 * mirror.c
 *		Writes the mirror images of posted journals (see mirror.h).
 */
#include "expand/mirror.h"

#include "common/columns.h"
#include "common/crash_point.h"
#include "common/month.h"
#include "common/progress.h"
#include "ledger/row_image.h"
#include "ledger/shared_staging.h"
#include "table/bulk_writer.h"
#include "table/page_groups.h"
#include "table/page_reader.h"

#include "access/parallel.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define JOURNAL_TYPE "reversal"

/* Where a table of staging gets its rows, and the row being put together. */
typedef struct Target
{
	BulkWriter *writer;
	PageGroups *groups; /* of rows in the run's own range; NULL: none */
	const char *const *names;
	const Oid *types;
	int count;
	AttrNumber *columns; /* numbers of the engine's columns */
	bool is_own;         /* it has these alone, in their order */
	Datum *values;
	bool *isnull;

	/* Of the rows that come now. */
	TupleDesc source;
	AttrNumber *source_columns; /* of the engine's columns; 0: it has none of that name */
	int ncarried;
	CarriedColumn *carried;
} Target;

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
	Target header;
	Target line;
	Datum journal_type;
	Place *places;
	LineSum originals;
	MemoryContext row_context;
	PGAlignedBlock row;
};

/* Of the engine's columns, those that a row of the ledger may lack: a month that was archived before has not all. */
static bool
is_younger_column(const char *name)
{
	return strcmp(name, header_columns[HEADER_JOURNAL_TYPE]) == 0 ||
		   strcmp(name, header_columns[HEADER_ORIGINAL_DATE]) == 0;
}

/* Columns that a site has added to the ledger may be null in what is carried. */
static void
find_added(Target *target, TupleDesc ledger, TupleDesc staging, Bitmapset **filled,
		   Bitmapset **nullable)
{
	CarriedColumn *carried;

	/* All of them: archived months lack columns that were added since. */
	int ncarried = columns_carried(ledger, staging, target->names, &carried, filled, nullable);

	for (int i = 0; i < ncarried; i++)
		*nullable = bms_add_member(*nullable, carried[i].to);
}

static void
open_target(Target *target, MirrorRun *run, Oid relation, const char *parent, const char *ledger,
			const char *const *names, const Oid *types, int count)
{
	static const char *const own_checks[] = {"staging_run", NULL};
	Relation rel = table_open(relation, RowExclusiveLock);
	Relation posted = table_open(ledger_engine_table(ledger), AccessShareLock);
	/* A table of the run's own, which nobody else sees yet. */
	bool is_own = !staging_is_shared(rel);
	BulkWriterOptions options = {.held_checks = is_own ? own_checks : NULL,
								 .filled = names,
								 .may_be_lost = true,
								 .frozen = is_own};
	int natts = RelationGetNumberOfAttributes(rel);
	Bitmapset *filled = NULL;
	Bitmapset *nullable = NULL;

	target->names = names;
	target->types = types;
	target->count = count;
	options.parent = ledger_engine_table(parent);
	find_added(target, RelationGetDescr(posted), RelationGetDescr(rel), &filled, &nullable);
	options.also_filled = filled;
	options.nullable = nullable;
	table_close(posted, AccessShareLock);
	table_close(rel, NoLock);
	target->writer = bulk_writer_open(relation, &options);
	target->columns = palloc_array(AttrNumber, count);
	for (int i = 0; i < count; i++)
		target->columns[i] = column_find(
			bulk_writer_descriptor(target->writer),
			RelationGetRelationName(bulk_writer_relation(target->writer)), names[i], types[i]);
	target->is_own =
		line_layout_is_own(bulk_writer_descriptor(target->writer), target->columns, count);
	target->source_columns = palloc_array(AttrNumber, count);
	target->values = palloc0_array(Datum, natts);
	target->isnull = palloc_array(bool, natts);
	memset(target->isnull, true, natts);
	if (run->ids.has_range && bulk_writer_sink(target->writer) == BULK_TO_PAGES)
		target->groups = page_groups_open(bulk_writer_page_file(target->writer));
}

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
	open_target(&mirror->header, run, header, "je_header_staging", "ledger_entry_header",
				header_columns, header_types, HEADER_COLUMNS);
	open_target(&mirror->line, run, line, "je_line_staging", "ledger_entry_line", line_columns,
				line_types, LINE_COLUMNS);
	return mirror;
}

/* The rows that follow are of this type. */
static void
use_source(Target *target, TupleDesc source)
{
	Bitmapset *filled = NULL;
	Bitmapset *nullable = NULL;

	if (target->source == source)
		return;
	for (int i = 0; i < target->count; i++)
	{
		target->source_columns[i] = column_number(source, target->names[i]);
		if (target->source_columns[i] != InvalidAttrNumber || !is_younger_column(target->names[i]))
			target->source_columns[i] =
				column_find(source, "of the ledger", target->names[i], target->types[i]);
	}
	target->ncarried = columns_carried(source, bulk_writer_descriptor(target->writer),
									   target->names, &target->carried, &filled, &nullable);
	/* What this type lacks is null in its rows. */
	memset(target->isnull, true, sizeof(bool) * bulk_writer_descriptor(target->writer)->natts);
	target->source = source;
}

static inline bool
source_isnull(const Target *target, TupleTableSlot *slot, int column)
{
	AttrNumber n = target->source_columns[column];

	return n == InvalidAttrNumber || slot->tts_isnull[n - 1];
}

static inline Datum
source_value(const Target *target, TupleTableSlot *slot, int column)
{
	return slot->tts_values[target->source_columns[column] - 1];
}

/* A column that is never null in the ledger. */
static Datum
require_value(const Target *target, TupleTableSlot *slot, int column)
{
	if (unlikely(source_isnull(target, slot, column)))
		ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
						errmsg("a posted row has a null in column %s", target->names[column])));
	return source_value(target, slot, column);
}

static inline void
set_column(Target *target, int column, Datum value)
{
	target->values[target->columns[column] - 1] = value;
	target->isnull[target->columns[column] - 1] = false;
}

/* All columns as they are. */
static void
take_columns(Target *target, TupleTableSlot *slot)
{
	columns_carry(target->carried, target->ncarried, slot, target->values, target->isnull);
	for (int i = 0; i < target->count; i++)
	{
		AttrNumber to = target->columns[i] - 1;

		target->isnull[to] = source_isnull(target, slot, i);
		if (!target->isnull[to])
			target->values[to] = source_value(target, slot, i);
	}
}

static void
put_values(Mirror *mirror, Target *target, PageGroup *group)
{
	if (group != NULL)
	{
		HeapTuple tuple =
			heap_form_tuple(bulk_writer_descriptor(target->writer), target->values, target->isnull);

		page_groups_put(target->groups, group, tuple->t_data, tuple->t_len);
	}
	else
		bulk_writer_put(target->writer, target->values, target->isnull);
}

/* Where a row of two codes goes in the run's own range; NULL: among the others. */
static PageGroup *
find_group(Mirror *mirror, Target *target, int64 je_id, Code first, Code second)
{
	if (target->groups == NULL || !je_id_in_range(je_id))
		return NULL;
	return page_groups_find(target->groups, mirror->run->je_month, first, second);
}

static int
find_basis(const MirrorRun *run, Code basis)
{
	for (int b = 0; b < run->nbases; b++)
		if (code_equal(run->bases[b], basis))
			return b;
	ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
					errmsg("a posted journal is of a basis that run " INT64_FORMAT " does not have",
						   run->run_id)));
	return -1;
}

void
mirror_header(Mirror *mirror, Oid table, TupleTableSlot *slot)
{
	Target *t = &mirror->header;
	MirrorRun *run = mirror->run;
	MemoryContext old;
	int64 je_id;
	int64 new_id;
	Amount debit;
	Amount credit;
	Code entity;
	Code basis;

	slot_getallattrs(slot);
	use_source(t, slot->tts_tupleDescriptor);
	je_id = DatumGetInt64(require_value(t, slot, HEADER_JE_ID));
	if (!journal_map_find(&run->map, je_id, &new_id))
		return;
	old = MemoryContextSwitchTo(mirror->row_context);
	entity = code_from_datum(require_value(t, slot, HEADER_ENTITY));
	basis = code_from_datum(require_value(t, slot, HEADER_BASIS));
	/* The other way round. */
	debit = amount_from_stored(require_value(t, slot, HEADER_TOTAL_CREDIT));
	credit = amount_from_stored(require_value(t, slot, HEADER_TOTAL_DEBIT));
	take_columns(t, slot);
	set_column(t, HEADER_JE_ID, Int64GetDatum(new_id));
	set_column(t, HEADER_RUN_ID, Int64GetDatum(run->run_id));
	set_column(t, HEADER_JE_DATE, DateADTGetDatum(run->je_date));
	set_column(t, HEADER_TOTAL_DEBIT, source_value(t, slot, HEADER_TOTAL_CREDIT));
	set_column(t, HEADER_TOTAL_CREDIT, source_value(t, slot, HEADER_TOTAL_DEBIT));
	set_column(t, HEADER_REVERSAL_OF, Int64GetDatum(je_id));
	set_column(t, HEADER_JOURNAL_TYPE, mirror->journal_type);
	t->isnull[t->columns[HEADER_ORIGINAL_DATE] - 1] = true;
	run_tally_header(mirror->tally, table, find_basis(run, basis),
					 DatumGetInt32(require_value(t, slot, HEADER_LINE_COUNT)), debit, credit);
	put_values(mirror, t, find_group(mirror, t, new_id, entity, basis));
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
	Target *t = &mirror->line;
	Code account = code_from_datum(require_value(t, slot, LINE_ACCOUNT));
	Code fund = code_from_datum(require_value(t, slot, LINE_FUND));

	place->codes = codes;
	place->total =
		run_total_find(&mirror->tally->totals, code_from_datum(require_value(t, slot, LINE_ENTITY)),
					   code_from_datum(require_value(t, slot, LINE_BASIS)), mirror->run->je_month,
					   fund, account, code_from_datum(require_value(t, slot, LINE_CURRENCY)));
	place->group = find_group(mirror, t, new_id, account, fund);
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
read_slot(const Target *t, TupleTableSlot *slot, Line *line)
{
	Code codes[LINE_CODES];

	for (int i = 0; i < LINE_CODES; i++)
	{
		int column = LINE_FIRST_CODE + i;

		if (line_column_is_nullable(column) && source_isnull(t, slot, column))
			codes[i] = code_null();
		else
			codes[i] = code_from_datum(require_value(t, slot, column));
	}
	line->je_id = DatumGetInt64(require_value(t, slot, LINE_JE_ID));
	line->has_txn = !source_isnull(t, slot, LINE_TXN_ID);
	line->txn_id = line->has_txn ? DatumGetInt64(source_value(t, slot, LINE_TXN_ID)) : 0;
	line->je_date = DatumGetDateADT(require_value(t, slot, LINE_JE_DATE));
	line->line_no = DatumGetInt16(require_value(t, slot, LINE_LINE_NO));
	line->codes = digest_of_codes(codes);
	line->debit = amount_from_stored(require_value(t, slot, LINE_DEBIT));
	line->credit = amount_from_stored(require_value(t, slot, LINE_CREDIT));
}

void
mirror_line(Mirror *mirror, TupleTableSlot *slot)
{
	Target *t = &mirror->line;
	MirrorRun *run = mirror->run;
	MemoryContext old;
	int64 new_id;
	Place *place;
	Line line = {0};

	slot_getallattrs(slot);
	use_source(t, slot->tts_tupleDescriptor);
	if (!journal_map_find(&run->map, DatumGetInt64(require_value(t, slot, LINE_JE_ID)), &new_id))
		return;
	old = MemoryContextSwitchTo(mirror->row_context);
	read_slot(t, slot, &line);
	place = place_of(mirror, line.codes);
	if (!place->is_set)
		fill_place(mirror, place, line.codes, new_id, slot);
	take_columns(t, slot);
	set_column(t, LINE_JE_ID, Int64GetDatum(new_id));
	set_column(t, LINE_RUN_ID, Int64GetDatum(run->run_id));
	set_column(t, LINE_JE_DATE, DateADTGetDatum(run->je_date));
	set_column(t, LINE_DEBIT, source_value(t, slot, LINE_CREDIT));
	set_column(t, LINE_CREDIT, source_value(t, slot, LINE_DEBIT));
	tally_line(mirror, &line, place->total);
	put_values(mirror, t, place->group);
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
	if (place->group != NULL)
		page_groups_put(mirror->line.groups, place->group, (HeapTupleHeader) target, tuple->t_len);
	else
		bulk_writer_put_row(mirror->line.writer, (HeapTupleHeader) target, tuple->t_len);
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
		use_source(&mirror->line, slot->tts_tupleDescriptor);
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
	if (mirror->header.groups != NULL)
		page_groups_close(mirror->header.groups);
	if (mirror->line.groups != NULL)
		page_groups_close(mirror->line.groups);
	bulk_writer_close(mirror->header.writer);
	bulk_writer_close(mirror->line.writer);
}
