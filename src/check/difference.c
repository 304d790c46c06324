/*
 * difference.c
 *		acct._locate_difference(): where the rows of a section differ from those
 *		that were sealed, as far as the evidence of the seal tells.
 *		acct._exception_root(): the tree of the exceptions of a run.
 */
#include "common/query.h"
#include "common/settings_scope.h"
#include "seal/bytes.h"
#include "seal/evidence.h"
#include "seal/exception_tree.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_locate_difference);
LEDGER_FUNCTION(ledger_exception_root);

/* A row of the section, as it is in the table. */
typedef struct FoundRow
{
	int64 je_id;
	int16 line_no;
} FoundRow;

typedef struct FoundRows
{
	MemoryContext context;
	MemoryContext row_context; /* of values that have to be fetched, or are printed */
	const SectionKey *key;
	RowForm *form;
	BoundForm *bound; /* to the rows of the query */
	Section *section;
	StringInfoData row;
	FoundRow *rows;
	int64 nrows;
	int64 capacity;
	bool has_twins; /* the last row comes a second time: the rest is not looked at */
} FoundRows;

static void
take_row(TupleTableSlot *slot, void *arg)
{
	FoundRows *found = arg;
	MemoryContext old;
	RowKey key;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(found->context);
	if (found->bound == NULL)
		found->bound = form_bind(found->form, slot->tts_tupleDescriptor, "query");
	if (found->nrows == found->capacity)
	{
		found->capacity = Max(found->capacity * 2, ROWS_IN_BLOCK);
		found->rows = found->rows == NULL
						  ? palloc_extended(found->capacity * sizeof(FoundRow), MCXT_ALLOC_HUGE)
						  : repalloc_huge(found->rows, found->capacity * sizeof(FoundRow));
	}
	resetStringInfo(&found->row);
	MemoryContextSwitchTo(found->row_context);
	form_encode(found->bound, slot->tts_values, slot->tts_isnull, &found->row, &key);
	MemoryContextSwitchTo(found->context);
	found->rows[found->nrows].je_id = key.je_id;
	found->rows[found->nrows++].line_no = key.line_no;
	found->has_twins = !section_add(found->section, &key, found->row.data, found->row.len);
	MemoryContextSwitchTo(old);
	MemoryContextReset(found->row_context);
}

typedef struct Difference
{
	int64 block;
	int64 row;                  /* in the section */
	bool groups[COLUMN_GROUPS]; /* that differ in the block */
} Difference;

/* Where a block differs; number is the block's. */
static void
compare_blocks(const SectionBlock *sealed, const SectionBlock *found, int64 number,
			   Difference *difference)
{
	int row = 0;

	while (row < Min(sealed->nrows, found->nrows) &&
		   sealed->row_checksums[row] == found->row_checksums[row])
		row++;
	difference->block = number;
	/* Checksums of two bytes may agree. */
	difference->row = row == ROWS_IN_BLOCK ? -1 : number * ROWS_IN_BLOCK + row;
	for (int i = 0; i < COLUMN_GROUPS; i++)
		difference->groups[i] =
			sealed->nrows != found->nrows || sealed->checksums[i] != found->checksums[i];
}

/* The first difference between a section of the evidence and its rows; false where there is none. */
static bool
find_difference(Evidence *evidence, int section, const SectionRecord *found, Spool *spool,
				Difference *difference)
{
	const SectionRecord *sealed = &evidence->sections[section].record;
	char *bytes = palloc(section_block_size(ROWS_IN_BLOCK));
	SectionBlock *a = palloc0_object(SectionBlock);
	SectionBlock *b = palloc0_object(SectionBlock);

	for (int64 n = 0; n < Max(section_nblocks(sealed), section_nblocks(found)); n++)
	{
		a->nrows = b->nrows = 0;
		if (n < section_nblocks(sealed) && !evidence_head(evidence, section, n, a))
			return false;
		if (n < section_nblocks(found))
		{
			int nrows = Min(found->rows - n * ROWS_IN_BLOCK, ROWS_IN_BLOCK);

			spool_get(spool, found->blocks[n], bytes, section_block_size(nrows));
			section_block_get_head(b, bytes);
			section_block_get_rows(b, bytes + BLOCK_HEAD_SIZE, nrows);
		}
		if (a->nrows != b->nrows || !hash_equal(&a->hash, &b->hash))
		{
			if (a->nrows > 0 && !evidence_rows(evidence, section, n, a))
				return false;
			compare_blocks(a, b, n, difference);
			return true;
		}
	}
	return false;
}

static Datum
groups_text(const Difference *difference)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < COLUMN_GROUPS; i++)
		if (difference->groups[i])
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", column_group_names[i]);
	return CStringGetTextDatum(text.data);
}

/*
 * Arguments: the seal, the number of the section in its evidence, the list of columns, and a query of the section's rows in their
 * order. Returns the block, from 1, the identifier and line number of the row there, or NULL where the rows end before it, the
 * groups of columns that differ in the block, and whether a row is there twice.
 */
Datum
ledger_locate_difference(PG_FUNCTION_ARGS)
{
	int number = PG_GETARG_INT32(1);
	FoundRows found = {.context = CurrentMemoryContext};
	Difference difference = {0};
	Hasher *hasher;
	Spool *spool;
	Evidence *evidence;
	SectionRecord *record;
	TupleDesc tupdesc;
	Datum values[5] = {0};
	bool isnull[5] = {true, true, true, true, false};
	int64 row = -1;
	int scope;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	tupdesc = BlessTupleDesc(tupdesc);
	scope = settings_scope_open_pinned();
	query_open();
	evidence = evidence_open(PG_GETARG_INT64(0));
	if (evidence == NULL || number < 0 || number >= evidence->nsections)
		elog(ERROR, "the seal has no such evidence");
	hasher = hasher_open();
	spool = spool_open();
	found.key = &evidence->sections[number].record.key;
	found.form = form_read(text_to_cstring(PG_GETARG_TEXT_PP(2)), found.key->kind);
	found.section = section_open(found.key, found.form, hasher, spool);
	found.row_context =
		AllocSetContextCreate(CurrentMemoryContext, "found row", ALLOCSET_SMALL_SIZES);
	initStringInfo(&found.row);
	query_until(text_to_cstring(PG_GETARG_TEXT_PP(3)), NULL, take_row, &found, &found.has_twins);
	record = section_close(found.section);
	if (found.has_twins)
		row = found.nrows - 1;
	else if (find_difference(evidence, number, record, spool, &difference))
	{
		row = difference.row;
		values[0] = Int64GetDatum(difference.block + 1);
		values[3] = groups_text(&difference);
		isnull[0] = false;
		isnull[3] = VARSIZE_ANY_EXHDR(DatumGetPointer(values[3])) == 0;
	}
	if (row >= 0 && row < found.nrows)
	{
		values[1] = Int64GetDatum(found.rows[row].je_id);
		values[2] = Int16GetDatum(found.rows[row].line_no);
		isnull[1] = false;
		isnull[2] = found.key->kind == ROW_HEADER;
	}
	values[4] = BoolGetDatum(found.has_twins);
	spool_close(spool);
	hasher_close(hasher);
	query_close();
	settings_scope_close(scope);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, isnull)));
}

/* Arguments: a run and a basis. Returns the number of its exceptions, and the root of their tree. */
Datum
ledger_exception_root(PG_FUNCTION_ARGS)
{
	Hasher *hasher = hasher_open();
	TupleDesc tupdesc;
	Sha256 root;
	int64 count;
	Datum values[2];
	bool isnull[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	query_open();
	root = exception_root(PG_GETARG_INT64(0), code_from_datum(PG_GETARG_DATUM(1)), hasher, &count);
	query_close();
	hasher_close(hasher);
	values[0] = Int64GetDatum(count);
	values[1] = bytes_to_datum(root.bytes, HASH_SIZE);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, isnull)));
}
