/*
 * line_reader.c
 *		Reads journal lines (see line_reader.h).
 */
#include "ledger/line_reader.h"

#include "common/columns.h"
#include "ledger/line_layout.h"
#include "ledger/row_digest.h"

#include "access/htup_details.h"
#include "utils/memutils.h"

#define KNOWN_CODES     1024 /* a power of two */
#define MAX_KNOWN_BYTES 120

/* The hash of codes met lately, by the bytes that a line stores. */
typedef struct KnownCodes
{
	int size;
	char bytes[MAX_KNOWN_BYTES];
	Digest digest;
} KnownCodes;

struct LineReader
{
	Relation rel;
	bool
		in_place; /* the table has the engine's columns alone, in its order, and no others are digested */
	RowDigest *added; /* NULL: none are */
	AttrNumber columns[LINE_COLUMNS];
	Datum *values;
	bool *isnull;
	MemoryContext context; /* of a row whose values had to be fetched */
	KnownCodes *known;
};

LineReader *
line_reader_open(Relation rel)
{
	LineReader *reader = palloc0_object(LineReader);
	TupleDesc tupdesc = RelationGetDescr(rel);

	reader->rel = rel;
	for (int i = 0; i < LINE_COLUMNS; i++)
		reader->columns[i] =
			column_find(tupdesc, RelationGetRelationName(rel), line_columns[i], line_types[i]);
	reader->in_place = line_layout_is_own(tupdesc, reader->columns, LINE_COLUMNS);
	reader->values = palloc_array(Datum, tupdesc->natts);
	reader->isnull = palloc_array(bool, tupdesc->natts);
	reader->context =
		AllocSetContextCreate(CurrentMemoryContext, "line reader", ALLOCSET_DEFAULT_SIZES);
	reader->known = palloc0_array(KnownCodes, KNOWN_CODES);
	return reader;
}

void
line_reader_digest_added(LineReader *reader, Datum names)
{
	reader->added = row_digest_open_kept(RelationGetDescr(reader->rel), names);
	reader->in_place = false;
}

bool
line_reader_prints(const LineReader *reader)
{
	return reader->added != NULL && row_digest_prints(reader->added);
}

/* By which codes are found again, eight bytes at a time. */
static inline uint32
hash_known(const char *bytes, int size)
{
	uint64 h = size;
	uint64 word;

	for (; size > sizeof(word); size -= sizeof(word), bytes += sizeof(word))
	{
		memcpy(&word, bytes, sizeof(word));
		h = (h ^ word) * UINT64CONST(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, bytes, size);
	h = (h ^ word) * UINT64CONST(0x9e3779b97f4a7c15);
	return (uint32) (h >> 32);
}

static Digest
digest_known(LineReader *reader, const char *bytes, int size, const Code codes[LINE_CODES])
{
	KnownCodes *known;

	if (size > MAX_KNOWN_BYTES)
		return digest_of_codes(codes);
	known = &reader->known[hash_known(bytes, size) & (KNOWN_CODES - 1)];
	if (known->size != size || memcmp(known->bytes, bytes, size) != 0)
	{
		known->size = size;
		memcpy(known->bytes, bytes, size);
		known->digest = digest_of_codes(codes);
	}
	return known->digest;
}

/* A line in the form in which expand writes it: no nulls, codes and amounts with one-byte headers. */
static bool
read_in_place(LineReader *reader, HeapTuple tuple, Line *line)
{
	const char *data = (const char *) tuple->t_data + tuple->t_data->t_hoff;
	const LineStart *start = (const LineStart *) data;
	const char *first = data + LINE_START_SIZE;
	const char *p = first;
	Code codes[LINE_CODES];

	if (!reader->in_place || HeapTupleHasNulls(tuple) || HeapTupleHasExternal(tuple) ||
		HeapTupleHeaderGetNatts(tuple->t_data) != LINE_COLUMNS)
		return false;
	for (int i = 0; i < LINE_CODES; i++)
	{
		if (!VARATT_IS_SHORT(p))
			return false;
		codes[i].data = VARDATA_SHORT(p);
		codes[i].len = VARSIZE_SHORT(p) - VARHDRSZ_SHORT;
		p += VARSIZE_SHORT(p);
	}
	if (!VARATT_IS_SHORT(p) || !VARATT_IS_SHORT(p + VARSIZE_SHORT(p)))
		return false;
	line->je_id = start->je_id;
	line->run_id = start->run_id;
	line->txn_id = start->txn_id;
	line->has_txn = true;
	line->has_added = false;
	line->je_date = start->je_date;
	line->line_no = start->line_no;
	line->entity = codes[CODE_ENTITY];
	line->basis = codes[CODE_BASIS];
	line->account_code = codes[CODE_ACCOUNT];
	line->fund = codes[CODE_FUND];
	line->currency = codes[CODE_CURRENCY];
	line->codes = digest_known(reader, first, p - first, codes);
	line->start = start;
	line->stored_codes = first;
	line->stored_product = codes[CODE_PRODUCT].data - VARHDRSZ_SHORT;
	line->stored_debit = p;
	line->stored_credit = p + VARSIZE_SHORT(p);
	line->debit = amount_from_stored(PointerGetDatum(line->stored_debit));
	line->credit = amount_from_stored(PointerGetDatum(line->stored_credit));
	return true;
}

void
line_from_columns(const Datum *values, const bool *isnull, Line *line)
{
	Code codes[LINE_CODES];

	for (int i = 0; i < LINE_CODES; i++)
		codes[i] = isnull[LINE_FIRST_CODE + i] ? code_null()
											   : code_from_datum(values[LINE_FIRST_CODE + i]);
	line->je_id = DatumGetInt64(values[LINE_JE_ID]);
	line->run_id = DatumGetInt64(values[LINE_RUN_ID]);
	line->has_txn = !isnull[LINE_TXN_ID];
	line->txn_id = line->has_txn ? DatumGetInt64(values[LINE_TXN_ID]) : 0;
	line->je_date = DatumGetDateADT(values[LINE_JE_DATE]);
	line->line_no = DatumGetInt16(values[LINE_LINE_NO]);
	line->entity = codes[CODE_ENTITY];
	line->basis = codes[CODE_BASIS];
	line->account_code = codes[CODE_ACCOUNT];
	line->fund = codes[CODE_FUND];
	line->currency = codes[CODE_CURRENCY];
	line->codes = digest_of_codes(codes);
	line->has_added = false;
	line->debit = amount_from_stored(values[LINE_DEBIT]);
	line->credit = amount_from_stored(values[LINE_CREDIT]);
	line->start = NULL;
	line->stored_codes = line->stored_product = line->stored_debit = line->stored_credit = NULL;
}

static void
read_by_column(LineReader *reader, HeapTuple tuple, Line *line)
{
	MemoryContext old;
	Datum values[LINE_COLUMNS];
	bool isnull[LINE_COLUMNS];

	MemoryContextReset(reader->context);
	old = MemoryContextSwitchTo(reader->context);
	heap_deform_tuple(tuple, RelationGetDescr(reader->rel), reader->values, reader->isnull);
	for (int i = 0; i < LINE_COLUMNS; i++)
	{
		values[i] = reader->values[reader->columns[i] - 1];
		isnull[i] = reader->isnull[reader->columns[i] - 1];
		if (isnull[i] && !line_column_is_nullable(i))
			ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
							errmsg("a line in %s has a null in column %s",
								   RelationGetRelationName(reader->rel), line_columns[i])));
	}
	line_from_columns(values, isnull, line);
	if (reader->added != NULL)
	{
		memset(&line->added, 0, sizeof(Digest));
		row_digest_add(reader->added, reader->values, reader->isnull, &line->added);
		line->has_added = true;
	}
	MemoryContextSwitchTo(old);
}

/* A line taken from its places is what the server makes of the row. */
static bool PG_USED_FOR_ASSERTS_ONLY
reads_the_same(LineReader *reader, HeapTuple tuple, const Line *line)
{
	Line other;

	read_by_column(reader, tuple, &other);
	return line->je_id == other.je_id && line->run_id == other.run_id &&
		   line->txn_id == other.txn_id && line->has_txn == other.has_txn &&
		   line->je_date == other.je_date && line->line_no == other.line_no &&
		   code_equal(line->entity, other.entity) && code_equal(line->basis, other.basis) &&
		   code_equal(line->account_code, other.account_code) &&
		   code_equal(line->fund, other.fund) && code_equal(line->currency, other.currency) &&
		   digest_equal(line->codes, other.codes) && line->debit == other.debit &&
		   line->credit == other.credit;
}

void
line_reader_read(LineReader *reader, HeapTuple tuple, Line *line)
{
	if (!read_in_place(reader, tuple, line))
		read_by_column(reader, tuple, line);
	else
		Assert(reads_the_same(reader, tuple, line));
}

void
line_reader_close(LineReader *reader)
{
	MemoryContextDelete(reader->context);
	pfree(reader->known);
	pfree(reader->values);
	pfree(reader->isnull);
	pfree(reader);
}
