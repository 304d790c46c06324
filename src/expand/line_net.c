/*
 * line_net.c
 *		acct._net_lines(): by how much each account of a correction's candidates has
 *		to move.
 *
 * Lines come from the table that candidates were expanded into, from tables of
 * posted lines by page, and from a query. All of them go as records to temporary
 * files, by the hash of their transaction, the candidates first. Each file is
 * then added up by itself, by transaction and codes. Codes are few, and are kept
 * once. So memory is that of one file of many.
 */
#include "expand/comparison.h"

#include "common/columns.h"
#include "common/progress.h"
#include "common/query.h"
#include "ledger/line_reader.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/buffile.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_net_lines);

#define FILES 256

/* A net line has no date and no number; as acct._net_digest() has it. */
#define NET_DATE 0 /* 2000-01-01 */
#define NET_LINE 0

typedef enum RecordKind
{
	RECORD_CANDIDATE,
	RECORD_EXPECTED,
	RECORD_POSTED
} RecordKind;

typedef struct Record
{
	int64 txn_id;
	uint64 basis; /* as buckets know it */
	RecordKind kind;
	int32 codes;  /* of a line: index of those that were met */
	int64 number; /* of a candidate */
	uint64 high;  /* amount of a line */
	uint64 low;
} Record;

/* Codes of lines; hash is the key. */
typedef struct KnownLine
{
	Digest hash;
	int32 index;
	char status;
} KnownLine;

static inline uint32
mix32(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return (uint32) h;
}

static inline uint32
hash_owner(int64 txn_id, uint64 basis)
{
	return mix32((uint64) txn_id * UINT64CONST(0x9e3779b97f4a7c15) + basis);
}

#define SH_PREFIX            known
#define SH_ELEMENT_TYPE      KnownLine
#define SH_KEY_TYPE          Digest
#define SH_KEY               hash
#define SH_HASH_KEY(tb, key) ((uint32) (key).low)
#define SH_EQUAL(tb, a, b)   digest_equal(a, b)
#define SH_SCOPE             static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct OwnerKey
{
	int64 txn_id;
	uint64 basis;
} OwnerKey;

typedef struct OwnerEntry
{
	OwnerKey key;
	char status;
	int64 number;
	Amount up;
	Amount down;
} OwnerEntry;

#define SH_PREFIX            owners
#define SH_ELEMENT_TYPE      OwnerEntry
#define SH_KEY_TYPE          OwnerKey
#define SH_KEY               key
#define SH_HASH_KEY(tb, key) hash_owner((key).txn_id, (key).basis)
#define SH_EQUAL(tb, a, b)   ((a).txn_id == (b).txn_id && (a).basis == (b).basis)
#define SH_SCOPE             static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct NetKey
{
	int64 number; /* of the candidate */
	int32 codes;
} NetKey;

typedef struct NetEntry
{
	NetKey key;
	char status;
	OwnerKey owner;
	Amount expected;
	Amount posted;
} NetEntry;

#define SH_PREFIX            nets
#define SH_ELEMENT_TYPE      NetEntry
#define SH_KEY_TYPE          NetKey
#define SH_KEY               key
#define SH_HASH_KEY(tb, key) mix32((uint64) (key).number << 24 ^ (uint64) (key).codes)
#define SH_EQUAL(tb, a, b)   ((a).number == (b).number && (a).codes == (b).codes)
#define SH_SCOPE             static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The codes of a line that a row of the result has. */
static const int returned_codes[] = {CODE_ACCOUNT, CODE_FUND, CODE_CURRENCY, CODE_PRODUCT,
									 CODE_CHANNEL};

typedef struct KnownCodes
{
	Digest hash;
	Datum texts[lengthof(returned_codes)];
	bool nulls[lengthof(returned_codes)];
} KnownCodes;

typedef struct Netting
{
	MemoryContext context;
	MemoryContext row_context;
	known_hash *known;
	KnownCodes *codes; /* by index */
	int ncodes;
	int capacity;
	BufFile *files[FILES];
	int64 records[FILES];
	Digest digest; /* of what is expected of those that differ */
	RecordKind kind;
	const bytea *found; /* lines of no such bucket are left out; NULL: all are wanted */
} Netting;

static void
write_record(Netting *netting, const Record *record)
{
	/* Not the bits by which the tables of a file place it. */
	int file = hash_owner(record->txn_id, record->basis) >> 24;

	StaticAssertStmt(FILES == 256, "eight bits of the hash number the files");
	if (netting->files[file] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(netting->context);

		netting->files[file] = BufFileCreateTemp(false);
		MemoryContextSwitchTo(old);
	}
	BufFileWrite(netting->files[file], (void *) record, sizeof(Record));
	netting->records[file]++;
}

/* The index of a line's codes; NULL: they are not known, and codes says what they are. */
static int
find_codes(Netting *netting, Digest hash)
{
	KnownLine *known = known_lookup(netting->known, hash);

	return known != NULL ? known->index : -1;
}

static int
keep_codes(Netting *netting, Digest hash, const Code codes[LINE_CODES])
{
	MemoryContext old = MemoryContextSwitchTo(netting->context);
	KnownCodes *kept;
	bool found;

	if (netting->ncodes == netting->capacity)
	{
		netting->capacity *= 2;
		netting->codes = repalloc_array(netting->codes, KnownCodes, netting->capacity);
	}
	kept = &netting->codes[netting->ncodes];
	kept->hash = hash;
	for (int i = 0; i < lengthof(returned_codes); i++)
	{
		Code code = codes[returned_codes[i]];

		kept->nulls[i] = code.data == NULL;
		kept->texts[i] = kept->nulls[i] ? (Datum) 0 : code_to_datum(code);
	}
	known_insert(netting->known, hash, &found)->index = netting->ncodes;
	MemoryContextSwitchTo(old);
	return netting->ncodes++;
}

static void
write_line(Netting *netting, int64 txn_id, uint64 basis, int codes, Amount amount)
{
	Record record = {.txn_id = txn_id,
					 .basis = basis,
					 .kind = netting->kind,
					 .codes = codes,
					 .high = (uint64) ((uint128) amount >> 64),
					 .low = (uint64) amount};

	write_record(netting, &record);
}

static void
take_candidate(TupleTableSlot *slot, void *arg)
{
	Record record = {.kind = RECORD_CANDIDATE};

	record.number = DatumGetInt64(query_value(slot, 0, (Datum) 0));
	record.txn_id = DatumGetInt64(query_value(slot, 1, (Datum) 0));
	record.basis = line_buckets_basis(code_from_datum(query_value(slot, 2, (Datum) 0)));
	write_record(arg, &record);
}

static void
take_row(TupleTableSlot *slot, void *arg)
{
	Netting *netting = arg;
	MemoryContext old = MemoryContextSwitchTo(netting->row_context);
	ComparedLine line;
	int codes;

	comparison_read_row(slot, &line);
	codes = find_codes(netting, line.hash);
	if (codes < 0)
		codes = keep_codes(netting, line.hash, line.codes);
	write_line(netting, line.txn_id, line_buckets_basis(line.codes[CODE_BASIS]), codes,
			   line.amount);
	MemoryContextSwitchTo(old);
	MemoryContextReset(netting->row_context);
	progress_add(1);
}

/* The codes of a row of a table, which is deformed for them. */
static int
keep_codes_of_row(Netting *netting, Relation rel, HeapTuple tuple, Digest hash)
{
	TupleDesc tupdesc = RelationGetDescr(rel);
	MemoryContext old = MemoryContextSwitchTo(netting->row_context);
	Datum *values = palloc_array(Datum, tupdesc->natts);
	bool *isnull = palloc_array(bool, tupdesc->natts);
	Code codes[LINE_CODES];
	int index;

	heap_deform_tuple(tuple, tupdesc, values, isnull);
	for (int i = 0; i < LINE_CODES; i++)
	{
		AttrNumber n = column_find(tupdesc, RelationGetRelationName(rel),
								   line_columns[LINE_FIRST_CODE + i], TEXTOID);

		codes[i] = isnull[n - 1] ? code_null() : code_from_datum(values[n - 1]);
	}
	index = keep_codes(netting, hash, codes);
	MemoryContextSwitchTo(old);
	MemoryContextReset(netting->row_context);
	return index;
}

static void
take_block(Netting *netting, PageReader *pages, LineReader *lines, BlockNumber block)
{
	OffsetNumber last = page_reader_page(pages, block);

	CHECK_FOR_INTERRUPTS();
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;
		uint64 basis;
		int codes;

		if (!page_reader_row(pages, i, &tuple))
			continue;
		line_reader_read(lines, &tuple, &line);
		basis = line_buckets_basis(line.basis);
		if (netting->found != NULL && !line_buckets_in(netting->found, line.txn_id, basis))
			continue;
		codes = find_codes(netting, line.codes);
		if (codes < 0)
			codes = keep_codes_of_row(netting, pages->rel, &tuple, line.codes);
		write_line(netting, line.txn_id, basis, codes, line.debit - line.credit);
	}
	progress_add(last);
}

static void
take_table(Netting *netting, Oid table)
{
	Relation rel = table_open(table, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	LineReader *lines = line_reader_open(rel);
	PageReader pages;

	page_reader_open(&pages, rel, GetActiveSnapshot());
	for (BlockNumber block = 0; block < nblocks; block++)
		take_block(netting, &pages, lines, block);
	page_reader_close(&pages);
	line_reader_close(lines);
	table_close(rel, NoLock);
}

static void
add_record(owners_hash *owners, nets_hash *nets, const Record *record)
{
	OwnerKey key = {record->txn_id, record->basis};
	OwnerEntry *owner;
	NetEntry *net;
	Amount amount = (Amount) ((uint128) record->high << 64 | record->low);
	bool found;

	if (record->kind == RECORD_CANDIDATE)
	{
		owner = owners_insert(owners, key, &found);
		owner->number = record->number;
		owner->up = owner->down = 0;
		return;
	}
	owner = owners_lookup(owners, key);
	if (owner == NULL)
		return;
	net = nets_insert(nets, (NetKey){owner->number, record->codes}, &found);
	if (!found)
	{
		net->owner = key;
		net->expected = net->posted = 0;
	}
	if (record->kind == RECORD_EXPECTED)
		net->expected += amount;
	else
		net->posted += amount;
}

/* Of a transaction that differs: what is expected goes into the digest, unless the difference cannot be booked. */
static void
take_net(Netting *netting, const NetEntry *net, const OwnerEntry *owner, ReturnSetInfo *rsinfo)
{
	const KnownCodes *codes = &netting->codes[net->key.codes];
	Amount difference = net->expected - net->posted;
	Datum values[lengthof(returned_codes) + 3];
	bool nulls[lengthof(returned_codes) + 3] = {false};
	int n = 0;

	if (net->expected != 0 && owner->up < AMOUNT_LIMIT && owner->down < AMOUNT_LIMIT)
		digest_add_line(&netting->digest, codes->hash, net->owner.txn_id, true, NET_DATE, NET_LINE,
						Max(net->expected, 0), Max(-net->expected, 0));
	if (difference == 0)
		return;
	values[n++] = Int64GetDatum(net->key.number);
	for (int i = 0; i < lengthof(returned_codes); i++)
	{
		nulls[n] = codes->nulls[i];
		values[n++] = codes->texts[i];
	}
	values[n++] = amount_to_new_numeric(difference);
	nulls[n] = true;
	values[n++] = (Datum) 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
return_file(Netting *netting, int file, ReturnSetInfo *rsinfo)
{
	owners_hash *owners = owners_create(netting->context, 256, NULL);
	nets_hash *nets = nets_create(netting->context, 1024, NULL);
	nets_iterator scan;
	NetEntry *net;

	if (BufFileSeek(netting->files[file], 0, 0, SEEK_SET) != 0)
		elog(ERROR, "could not rewind a temporary file");
	for (int64 i = 0; i < netting->records[file]; i++)
	{
		Record record;

		CHECK_FOR_INTERRUPTS();
		if (BufFileRead(netting->files[file], &record, sizeof(record)) != sizeof(record))
			elog(ERROR, "could not read a temporary file");
		add_record(owners, nets, &record);
	}
	BufFileClose(netting->files[file]);
	nets_start_iterate(nets, &scan);
	while ((net = nets_iterate(nets, &scan)) != NULL)
	{
		OwnerEntry *owner = owners_lookup(owners, net->owner);
		Amount difference = net->expected - net->posted;

		owner->up += Max(difference, 0);
		owner->down += Max(-difference, 0);
	}
	nets_start_iterate(nets, &scan);
	while ((net = nets_iterate(nets, &scan)) != NULL)
	{
		OwnerEntry *owner = owners_lookup(owners, net->owner);
		MemoryContext old = MemoryContextSwitchTo(netting->row_context);

		if (owner->up != 0 || owner->down != 0)
			take_net(netting, net, owner, rsinfo);
		MemoryContextSwitchTo(old);
		MemoryContextReset(netting->row_context);
	}
	nets_destroy(nets);
	owners_destroy(owners);
}

/* The last row: the digest alone. */
static void
return_digest(const Netting *netting, ReturnSetInfo *rsinfo)
{
	char digest[DIGEST_TEXT_SIZE];
	Datum values[lengthof(returned_codes) + 3] = {0};
	bool nulls[lengthof(returned_codes) + 3];

	memset(nulls, true, sizeof(nulls));
	digest_to_text(netting->digest, digest);
	values[lengthof(values) - 1] = CStringGetTextDatum(digest);
	nulls[lengthof(nulls) - 1] = false;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
open_netting(Netting *netting)
{
	netting->context =
		AllocSetContextCreate(CurrentMemoryContext, "net lines", ALLOCSET_DEFAULT_SIZES);
	netting->row_context =
		AllocSetContextCreate(netting->context, "net line", ALLOCSET_DEFAULT_SIZES);
	netting->known = known_create(netting->context, 256, NULL);
	netting->capacity = 256;
	netting->codes = MemoryContextAlloc(netting->context, netting->capacity * sizeof(KnownCodes));
}

/* p_candidates, p_expected, p_posted_tables, p_buckets, p_posted */
Datum
ledger_net_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Netting netting = {0};

	InitMaterializedSRF(fcinfo, 0);
	open_netting(&netting);
	progress_phase(PHASE_CHECKING_LINES, PROGRESS_NO_ROWS);
	query_open();
	query_each_row(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL, take_candidate, &netting);
	netting.kind = RECORD_EXPECTED;
	take_table(&netting, PG_GETARG_OID(1));
	netting.kind = RECORD_POSTED;
	if (!PG_ARGISNULL(4))
		query_each_row(text_to_cstring(PG_GETARG_TEXT_PP(4)), NULL, take_row, &netting);
	query_close();
	if (!PG_ARGISNULL(2))
	{
		Datum *oids;
		int ntables;

		netting.found = PG_GETARG_BYTEA_PP(3);
		line_buckets_require(netting.found);
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
						  &oids, NULL, &ntables);
		for (int i = 0; i < ntables; i++)
			take_table(&netting, DatumGetObjectId(oids[i]));
	}
	for (int i = 0; i < FILES; i++)
		if (netting.files[i] != NULL)
			return_file(&netting, i, rsinfo);
	return_digest(&netting, rsinfo);
	MemoryContextDelete(netting.context);
	PG_RETURN_VOID();
}
