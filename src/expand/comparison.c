/*
 * comparison.c
 *		Evaluated journals against posted lines (see comparison.h).
 */
#include "expand/comparison.h"

#include "common/columns.h"
#include "common/progress.h"
#include "common/query.h"
#include "ledger/line_rows.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define SEED_HIGH UINT64CONST(0x6c65646765720003)
#define SEED_LOW  UINT64CONST(0x6c65646765720004)

/* Blocks of posted lines that a process takes at a time. */
#define STRETCH 16

/* The columns of the queries. */
enum
{
	COLUMN_TXN_ID,
	COLUMN_CODES, /* as those of a line */
	COLUMN_BASIS = COLUMN_CODES + CODE_BASIS,
	COLUMN_DIMENSIONS = COLUMN_CODES + LINE_CODES,
	COLUMN_DEBIT,
	COLUMN_CREDIT,
	COLUMNS
};

StaticAssertDecl(COLUMNS == COMPARED_COLUMNS, "the columns of the queries");

static const Oid column_types[COLUMNS] = {INT8OID, TEXTOID, TEXTOID, TEXTOID,    TEXTOID,   TEXTOID,
										  TEXTOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID};

struct Comparison
{
	MemoryContext context;
	MemoryContext row_context; /* of values that had to be fetched, decompressed or written out */
	LineBuckets buckets;
	uint64 *bases;   /* by number, as buckets know them */
	Code last_basis; /* of posted lines, and its number there */
	uint64 last_number;

	/* The dimensions of lines, as the source has them. */
	TupleDesc dimensions; /* NULL: there are none */
	AttrNumber *sources;  /* InvalidAttrNumber: the source has it not, and lines have NULL */
	FmgrInfo write_row;
};

/* What a query of dimensions hands over. */
typedef struct Dimensions
{
	MemoryContext context;
	int count;
	char **names;
	Oid *types;
	int32 *typmods;
} Dimensions;

static void
take_dimension(TupleTableSlot *slot, void *arg)
{
	Dimensions *d = arg;
	MemoryContext old = MemoryContextSwitchTo(d->context);
	int count = (int) DatumGetInt64(query_value(slot, 3, (Datum) 0));

	if (d->count == 0)
	{
		d->names = palloc_array(char *, count);
		d->types = palloc_array(Oid, count);
		d->typmods = palloc_array(int32, count);
	}
	Assert(d->count < count);
	d->names[d->count] = query_text(slot, 0);
	d->types[d->count] = DatumGetObjectId(query_value(slot, 1, (Datum) 0));
	d->typmods[d->count] = DatumGetInt32(query_value(slot, 2, (Datum) 0));
	d->count++;
	MemoryContextSwitchTo(old);
}

/* A row of them is written out as the query of posted lines writes it. */
static void
find_dimensions(Comparison *comparison, Relation source)
{
	Dimensions d = {.context = CurrentMemoryContext};

	query_each_row(
		"SELECT a.attname::text, a.atttypid, a.atttypmod, count(*) OVER () "
		"FROM unnest(acct._dimensions_of('line')) WITH ORDINALITY AS n (name, n) "
		"JOIN pg_catalog.pg_attribute a ON a.attrelid = 'acct.je_line_staging'::regclass "
		"AND a.attname = n.name AND NOT a.attisdropped ORDER BY n.n",
		NULL, take_dimension, &d);
	if (d.count == 0)
		return;
	comparison->dimensions = CreateTemplateTupleDesc(d.count);
	comparison->sources = palloc_array(AttrNumber, d.count);
	for (int i = 0; i < d.count; i++)
	{
		TupleDescInitEntry(comparison->dimensions, i + 1, d.names[i], d.types[i], d.typmods[i], 0);
		comparison->sources[i] = column_number(RelationGetDescr(source), d.names[i]);
	}
	comparison->dimensions = BlessTupleDesc(comparison->dimensions);
	fmgr_info(F_RECORD_OUT, &comparison->write_row);
}

Comparison *
comparison_open(Relation source, int nbases, const Code *bases, void *memory, uint32 nbuckets)
{
	Comparison *comparison = palloc0_object(Comparison);

	comparison->context = CurrentMemoryContext;
	comparison->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "compared line", ALLOCSET_DEFAULT_SIZES);
	line_buckets_attach(&comparison->buckets, memory, nbuckets);
	comparison->bases = palloc_array(uint64, nbases);
	for (int b = 0; b < nbases; b++)
		comparison->bases[b] = line_buckets_basis(bases[b]);
	find_dimensions(comparison, source);
	return comparison;
}

static void
add_dimensions(Digest *codes, const char *data, int len)
{
	codes->high ^= hash_bytes_extended((const unsigned char *) data, len, SEED_HIGH);
	codes->low ^= hash_bytes_extended((const unsigned char *) data, len, SEED_LOW);
}

/* What the dimensions of a transaction's lines, which all have the same, add to the hash of their codes. */
static Digest
hash_dimensions(Comparison *comparison, TupleTableSlot *slot)
{
	Digest hash = {0, 0};
	MemoryContext old;
	int count;
	Datum *values;
	bool *isnull;
	HeapTuple row;
	char *text;

	if (comparison->dimensions == NULL)
		return hash;
	old = MemoryContextSwitchTo(comparison->row_context);
	count = comparison->dimensions->natts;
	values = palloc0_array(Datum, count);
	isnull = palloc_array(bool, count);
	for (int i = 0; i < count; i++)
	{
		AttrNumber from = comparison->sources[i];

		isnull[i] = from == InvalidAttrNumber || slot->tts_isnull[from - 1];
		if (!isnull[i])
			values[i] = slot->tts_values[from - 1];
	}
	row = heap_form_tuple(comparison->dimensions, values, isnull);
	text = OutputFunctionCall(&comparison->write_row, HeapTupleGetDatum(row));
	add_dimensions(&hash, text, strlen(text));
	MemoryContextSwitchTo(old);
	MemoryContextReset(comparison->row_context);
	return hash;
}

void
comparison_add_journal(Comparison *comparison, const Transaction *txn, int basis,
					   const Journal *journal)
{
	const Candidate *candidate = journal->candidate;
	LineOwner owner =
		line_buckets_owner(comparison->buckets.count, txn->txn_id, comparison->bases[basis]);
	Digest dimensions = hash_dimensions(comparison, txn->slot);
	uint128 value = 0;

	for (int i = 0; i < candidate->template->nlines; i++)
	{
		const JournalLine *line = &journal->lines[i];
		Digest codes = candidate->lines[i].codes;

		if (!line->kept)
			continue;
		codes.high ^= dimensions.high;
		codes.low ^= dimensions.low;
		value += line_buckets_value(owner, codes, line->debit - line->credit);
	}
	line_buckets_add(&comparison->buckets, owner, value);
}

void
comparison_mark(Comparison *comparison, int64 txn_id, int basis)
{
	line_buckets_mark(&comparison->buckets, line_buckets_owner(comparison->buckets.count, txn_id,
															   comparison->bases[basis]));
}

static void
take_line(Comparison *comparison, int64 txn_id, Code basis, Digest codes, Amount amount)
{
	LineOwner owner;

	if (comparison->last_basis.data == NULL || !code_equal(comparison->last_basis, basis))
	{
		MemoryContext old = MemoryContextSwitchTo(comparison->context);

		if (comparison->last_basis.data != NULL)
			pfree((char *) comparison->last_basis.data);
		comparison->last_basis = code_copy(basis);
		comparison->last_number = line_buckets_basis(basis);
		MemoryContextSwitchTo(old);
	}
	owner = line_buckets_owner(comparison->buckets.count, txn_id, comparison->last_number);
	line_buckets_add(&comparison->buckets, owner, line_buckets_value(owner, codes, -amount));
}

static void
take_posted(const Line *line, void *arg)
{
	take_line(arg, line->txn_id, line->basis, line->codes, line->debit - line->credit);
}

void
comparison_take_tables(Comparison *comparison, const PostedTable *tables, int ntables,
					   pg_atomic_uint64 *next)
{
	uint64 before = 0; /* stretches of tables before this one */
	uint64 n = pg_atomic_fetch_add_u64(next, 1);

	/* Each process gets them in ascending order. */
	for (int t = 0; t < ntables; t++)
	{
		uint64 nstretches = (tables[t].nblocks + STRETCH - 1) / STRETCH;
		Relation rel = table_open(tables[t].table, AccessShareLock);
		LineReader *lines = line_reader_open(rel);
		PageReader pages;

		page_reader_open(&pages, rel, GetActiveSnapshot());
		for (; n < before + nstretches; n = pg_atomic_fetch_add_u64(next, 1))
		{
			BlockNumber from = (BlockNumber) (n - before) * STRETCH;
			BlockNumber to = Min(from + STRETCH, tables[t].nblocks);

			for (BlockNumber block = from; block < to; block++)
				progress_add(line_rows_of_block(&pages, lines, block, take_posted, comparison));
		}
		before += nstretches;
		page_reader_close(&pages);
		line_reader_close(lines);
		table_close(rel, NoLock);
	}
}

/* Values are taken for what these types have in memory. */
static void
require_columns(TupleTableSlot *slot)
{
	TupleDesc tupdesc = slot->tts_tupleDescriptor;
	bool fits = tupdesc->natts >= COLUMNS;

	for (int i = 0; fits && i < COLUMNS; i++)
		fits = TupleDescAttr(tupdesc, i)->atttypid == column_types[i];
	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the query does not return lines to compare")));
}

/* A line has what it is compared by, unless the table is not the engine's any more. */
static void
require_values(TupleTableSlot *slot)
{
	static const int columns[] = {COLUMN_TXN_ID, COLUMN_BASIS, COLUMN_DEBIT, COLUMN_CREDIT};

	for (int i = 0; i < lengthof(columns); i++)
		if (slot->tts_isnull[columns[i]])
			ereport(
				ERROR,
				(errcode(ERRCODE_LE_OUT_OF_BALANCE),
				 errmsg("a line that is compared has a null in column %s",
						NameStr(TupleDescAttr(slot->tts_tupleDescriptor, columns[i])->attname))));
}

void
comparison_read_row(TupleTableSlot *slot, ComparedLine *line)
{
	const Datum *v;

	slot_getallattrs(slot);
	require_columns(slot);
	require_values(slot);
	v = slot->tts_values;
	for (int i = 0; i < LINE_CODES; i++)
		line->codes[i] =
			slot->tts_isnull[COLUMN_CODES + i] ? code_null() : code_from_datum(v[COLUMN_CODES + i]);
	line->hash = digest_of_codes(line->codes);
	line->txn_id = DatumGetInt64(v[COLUMN_TXN_ID]);
	line->amount = amount_from_stored(v[COLUMN_DEBIT]) - amount_from_stored(v[COLUMN_CREDIT]);
}

static void
take_query_line(TupleTableSlot *slot, void *arg)
{
	Comparison *comparison = arg;
	MemoryContext old = MemoryContextSwitchTo(comparison->row_context);
	ComparedLine line;

	comparison_read_row(slot, &line);
	if (!slot->tts_isnull[COLUMN_DIMENSIONS])
	{
		Code dimensions = code_from_datum(slot->tts_values[COLUMN_DIMENSIONS]);

		add_dimensions(&line.hash, dimensions.data, dimensions.len);
	}
	take_line(comparison, line.txn_id, line.codes[CODE_BASIS], line.hash, line.amount);
	MemoryContextSwitchTo(old);
	MemoryContextReset(comparison->row_context);
	progress_add(1);
}

void
comparison_take_queries(Comparison *comparison, const Posted *posted)
{
	if (posted->lines != NULL)
		query_each_row(posted->lines, NULL, take_query_line, comparison);
	if (posted->corrections != NULL)
		query_each_row(posted->corrections, NULL, take_query_line, comparison);
}

bytea *
comparison_found(const Comparison *comparison)
{
	return line_buckets_found(&comparison->buckets);
}

void
comparison_close(Comparison *comparison)
{
	MemoryContextDelete(comparison->row_context);
}
