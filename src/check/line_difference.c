/*
 * line_difference.c
 *		acct._differing_transactions(): the transactions whose lines, as they should
 *		be, come to something else than those that are posted.
 *
 * Of each transaction and basis a sum is kept: of each line's debit less credit,
 * times the 128-bit hash of its codes and dimensions, modulo 2^128. It is linear,
 * so that lines are added in any order, those that are posted with the opposite
 * sign, and is zero where nothing is left of any account (and, by a chance that
 * does not matter, hardly ever else). Lines of one account count by their sum.
 *
 * Tables that have lines to compare and no others are read by page, the rest by
 * queries.
 *
 * Memory: sums are kept in a hash table as long as it fits into what the server
 * allows one (at least 64 MB). Then all sums, and from there on lines, go to
 * temporary files by the hash of their transaction, and each file is added up by
 * itself.
 */
#include "common/progress.h"
#include "common/query.h"
#include "ledger/line_reader.h"
#include "table/page_reader.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/buffile.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_differing_transactions);

#define SEED_HIGH UINT64CONST(0x6c65646765720003)
#define SEED_LOW  UINT64CONST(0x6c65646765720004)

#define MIN_MEMORY ((Size) 64 * 1024 * 1024)
#define FILES      256

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

static const Oid column_types[COLUMNS] = {INT8OID, TEXTOID, TEXTOID, TEXTOID,    TEXTOID,   TEXTOID,
										  TEXTOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID};

/* A transaction in a basis. */
typedef struct PairKey
{
	int64 txn_id;
	int32 basis; /* index of bases */
} PairKey;

/* What its lines come to so far. */
typedef struct Pair
{
	PairKey key;
	uint64 high;
	uint64 low;
	bool is_posted; /* it has a posted journal, not a correction alone */
	char status;
} Pair;

static inline uint32
hash_pair(PairKey key)
{
	uint64 h = (uint64) key.txn_id * UINT64CONST(0x9e3779b97f4a7c15) + (uint32) key.basis;

	/* As murmurhash64() ends, which 15 does not have. */
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return (uint32) h;
}

#define SH_PREFIX            pairs
#define SH_ELEMENT_TYPE      Pair
#define SH_KEY_TYPE          PairKey
#define SH_KEY               key
#define SH_HASH_KEY(tb, key) hash_pair(key)
#define SH_EQUAL(tb, a, b)   ((a).txn_id == (b).txn_id && (a).basis == (b).basis)
#define SH_SCOPE             static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Comparison
{
	MemoryContext context;     /* of all of it */
	MemoryContext row_context; /* of values that had to be fetched or decompressed */
	int nbases;
	Code *bases;
	int last_basis; /* found last */
	pairs_hash *pairs;
	uint64 most_pairs;
	BufFile **files; /* NULL: the pairs fit into memory */
	int64 records[FILES];

	/* The lines being read. */
	bool is_expected;
	bool is_posted;
} Comparison;

static int
find_basis(Comparison *comparison, Code basis)
{
	MemoryContext old;

	if (comparison->nbases > 0 && code_equal(comparison->bases[comparison->last_basis], basis))
		return comparison->last_basis;
	for (int b = 0; b < comparison->nbases; b++)
		if (code_equal(comparison->bases[b], basis))
			return comparison->last_basis = b;
	old = MemoryContextSwitchTo(comparison->context);
	comparison->bases = comparison->bases == NULL
							? palloc_object(Code)
							: repalloc_array(comparison->bases, Code, comparison->nbases + 1);
	comparison->bases[comparison->nbases] = code_copy(basis);
	MemoryContextSwitchTo(old);
	return comparison->last_basis = comparison->nbases++;
}

static void
enter(pairs_hash *pairs, const Pair *more)
{
	bool found;
	Pair *pair = pairs_insert(pairs, more->key, &found);
	uint128 sum = (uint128) more->high << 64 | more->low;

	if (found)
		sum += (uint128) pair->high << 64 | pair->low;
	pair->high = (uint64) (sum >> 64);
	pair->low = (uint64) sum;
	pair->is_posted = more->is_posted || (found && pair->is_posted);
}

static void
write_record(Comparison *comparison, const Pair *pair)
{
	/* Not the bits by which the table of a file places it. */
	int file = hash_pair(pair->key) >> 24;

	StaticAssertStmt(FILES == 256, "eight bits of the hash number the files");
	if (comparison->files[file] == NULL)
		comparison->files[file] = BufFileCreateTemp(false);
	BufFileWrite(comparison->files[file], (void *) pair, sizeof(Pair));
	comparison->records[file]++;
}

/* From here on pairs are not kept in memory. */
static void
begin_files(Comparison *comparison)
{
	pairs_iterator scan;
	Pair *pair;

	comparison->files = palloc0_array(BufFile *, FILES);
	pairs_start_iterate(comparison->pairs, &scan);
	while ((pair = pairs_iterate(comparison->pairs, &scan)) != NULL)
		write_record(comparison, pair);
	pairs_destroy(comparison->pairs);
	comparison->pairs = NULL;
}

static void
add_line(Comparison *comparison, int64 txn_id, Code basis, Digest codes, Amount amount)
{
	/* An odd factor loses nothing of the amount. */
	uint128 factor = ((uint128) codes.high << 64 | codes.low) | 1;
	uint128 sum = (uint128) (comparison->is_expected ? amount : -amount) * factor;
	Pair pair = {.key = {txn_id, find_basis(comparison, basis)},
				 .high = (uint64) (sum >> 64),
				 .low = (uint64) sum,
				 .is_posted = comparison->is_posted};
	MemoryContext old = MemoryContextSwitchTo(comparison->context);

	if (comparison->files == NULL && comparison->pairs->members >= comparison->most_pairs)
		begin_files(comparison);
	if (comparison->files == NULL)
		enter(comparison->pairs, &pair);
	else
		write_record(comparison, &pair);
	MemoryContextSwitchTo(old);
}

/* Values are taken for what these types have in memory. */
static void
require_columns(TupleTableSlot *slot)
{
	TupleDesc tupdesc = slot->tts_tupleDescriptor;
	bool fits = tupdesc->natts == COLUMNS;

	for (int i = 0; fits && i < COLUMNS; i++)
		fits = TupleDescAttr(tupdesc, i)->atttypid == column_types[i];
	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the query does not return lines to compare")));
}

static void
add_query_line(TupleTableSlot *slot, void *arg)
{
	Comparison *comparison = arg;
	MemoryContext old = MemoryContextSwitchTo(comparison->row_context);
	const Datum *v = slot->tts_values;
	Code codes[LINE_CODES];
	Digest digest;

	slot_getallattrs(slot);
	require_columns(slot);
	for (int i = 0; i < LINE_CODES; i++)
		codes[i] =
			slot->tts_isnull[COLUMN_CODES + i] ? code_null() : code_from_datum(v[COLUMN_CODES + i]);
	digest = digest_of_codes(codes);
	if (!slot->tts_isnull[COLUMN_DIMENSIONS])
	{
		Code dimensions = code_from_datum(v[COLUMN_DIMENSIONS]);
		const unsigned char *data = (const unsigned char *) dimensions.data;

		digest.high ^= hash_bytes_extended(data, dimensions.len, SEED_HIGH);
		digest.low ^= hash_bytes_extended(data, dimensions.len, SEED_LOW);
	}
	add_line(comparison, DatumGetInt64(v[COLUMN_TXN_ID]), codes[CODE_BASIS], digest,
			 amount_from_stored(v[COLUMN_DEBIT]) - amount_from_stored(v[COLUMN_CREDIT]));
	MemoryContextSwitchTo(old);
	MemoryContextReset(comparison->row_context);
	progress_add(1);
}

static void
add_query(Comparison *comparison, const char *query)
{
	query_each_row(query, NULL, add_query_line, comparison);
}

static void
add_table(Comparison *comparison, Oid table)
{
	Relation rel = table_open(table, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	LineReader *lines = line_reader_open(rel);
	PageReader pages;

	page_reader_open(&pages, rel, GetActiveSnapshot());
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		OffsetNumber last = page_reader_page(&pages, block);

		CHECK_FOR_INTERRUPTS();
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			HeapTupleData tuple;
			Line line;

			if (!page_reader_row(&pages, i, &tuple))
				continue;
			line_reader_read(lines, &tuple, &line);
			add_line(comparison, line.txn_id, line.basis, line.codes, line.debit - line.credit);
		}
		progress_add(last);
	}
	page_reader_close(&pages);
	line_reader_close(lines);
	table_close(rel, NoLock);
}

static void
add_tables(Comparison *comparison, Datum tables)
{
	Datum *oids;
	int count;

	deconstruct_array(DatumGetArrayTypeP(tables), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
					  &oids, NULL, &count);
	for (int i = 0; i < count; i++)
		add_table(comparison, DatumGetObjectId(oids[i]));
}

/* Those that have a posted journal, and differ. */
static void
return_differing(Comparison *comparison, pairs_hash *pairs, ReturnSetInfo *rsinfo)
{
	pairs_iterator scan;
	Pair *pair;

	pairs_start_iterate(pairs, &scan);
	while ((pair = pairs_iterate(pairs, &scan)) != NULL)
	{
		Datum values[2];
		bool nulls[2] = {false};

		CHECK_FOR_INTERRUPTS();
		if (!pair->is_posted || (pair->high == 0 && pair->low == 0))
			continue;
		Assert(pair->key.basis >= 0 && pair->key.basis < comparison->nbases);
		values[0] = Int64GetDatum(pair->key.txn_id);
		values[1] = code_to_datum(comparison->bases[pair->key.basis]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		pfree(DatumGetPointer(values[1]));
	}
}

static void
return_file(Comparison *comparison, int file, ReturnSetInfo *rsinfo)
{
	pairs_hash *pairs = pairs_create(comparison->context, 1024, NULL);
	BufFile *records = comparison->files[file];

	if (BufFileSeek(records, 0, 0, SEEK_SET) != 0)
		elog(ERROR, "could not rewind a temporary file");
	for (int64 n = 0; n < comparison->records[file]; n++)
	{
		Pair pair;

		CHECK_FOR_INTERRUPTS();
		if (BufFileRead(records, &pair, sizeof(pair)) != sizeof(pair))
			elog(ERROR, "could not read a temporary file");
		enter(pairs, &pair);
	}
	BufFileClose(records);
	return_differing(comparison, pairs, rsinfo);
	pairs_destroy(pairs);
}

static void
open_comparison(Comparison *comparison)
{
	Size memory = Max(MIN_MEMORY, get_hash_memory_limit());

	comparison->context = AllocSetContextCreate(CurrentMemoryContext, "compared transactions",
												ALLOCSET_DEFAULT_SIZES);
	comparison->row_context =
		AllocSetContextCreate(comparison->context, "compared line", ALLOCSET_DEFAULT_SIZES);
	/* A table that has grown has at most 2.3 places for each pair, and while it grows half as many more. */
	comparison->most_pairs = memory / (4 * sizeof(Pair));
	comparison->pairs = pairs_create(comparison->context, 1024, NULL);
}

/* p_expected_tables, p_expected, p_posted_tables, p_posted, p_corrections */
Datum
ledger_differing_transactions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Comparison comparison = {0};

	InitMaterializedSRF(fcinfo, 0);
	open_comparison(&comparison);
	progress_phase(PHASE_CHECKING_LINES, PROGRESS_NO_ROWS);
	query_open();
	for (int i = 0; i < 5; i++)
	{
		comparison.is_expected = i <= 1;
		comparison.is_posted = i == 2 || i == 3;
		if (PG_ARGISNULL(i))
			continue;
		if (i == 0 || i == 2)
			add_tables(&comparison, PG_GETARG_DATUM(i));
		else
			add_query(&comparison, text_to_cstring(PG_GETARG_TEXT_PP(i)));
	}
	query_close();
	if (comparison.files == NULL)
		return_differing(&comparison, comparison.pairs, rsinfo);
	else
		for (int i = 0; i < FILES; i++)
			if (comparison.files[i] != NULL)
				return_file(&comparison, i, rsinfo);
	MemoryContextDelete(comparison.context);
	PG_RETURN_VOID();
}
