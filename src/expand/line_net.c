/*
 * line_net.c
 *		Sums of lines by transaction and account (see line_net.h).
 *
 * Lines go as records to temporary files, each of which holds a stretch of
 * transactions with about as many of those that were named as any other. A file is
 * then added up by itself, one after the other, so that transactions come back in
 * order. So memory is that of one file of many; codes are few, and are kept once,
 * dimensions as often as a file has them.
 */
#include "expand/line_net.h"

#include "common/columns.h"
#include "common/progress.h"
#include "common/query.h"
#include "expand/comparison.h"
#include "expand/line_dimensions.h"
#include "ledger/line_reader.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* Transactions named of which a file has the lines, at first; twice as many each time that there would be too many files. */
#define FIRST_STRIDE 1024
#define MAX_FILES    512

/* A line in a file. What does not fit is in a record that follows, as dimensions do then, a MinimalTuple. */
typedef struct Record
{
	int32 txn_offset; /* from the first transaction of the file */
	uint32 codes;     /* number of those that were met, and flags */
	int64 amount;
} Record;

#define RECORD_IS_POSTED      ((uint32) 1 << 31)
#define RECORD_IS_WIDE        ((uint32) 1 << 30)
#define RECORD_HAS_DIMENSIONS ((uint32) 1 << 29)
#define RECORD_CODES          (RECORD_HAS_DIMENSIONS - 1)

typedef struct WideRecord
{
	int64 txn_id;
	uint64 high; /* of the amount */
	uint64 low;
} WideRecord;

/* Codes of lines; hash is the key. */
typedef struct KnownLine
{
	Digest hash;
	int32 number;
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
	int32 number; /* in the file */
} OwnerEntry;

#define SH_PREFIX       owners
#define SH_ELEMENT_TYPE OwnerEntry
#define SH_KEY_TYPE     OwnerKey
#define SH_KEY          key
#define SH_HASH_KEY(tb, key) \
	mix32((uint64) (key).txn_id *UINT64CONST(0x9e3779b97f4a7c15) + (key).basis)
#define SH_EQUAL(tb, a, b) ((a).txn_id == (b).txn_id && (a).basis == (b).basis)
#define SH_SCOPE           static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Dimensions that were met in a file. */
typedef struct KnownDimensions
{
	MinimalTuple tuple;
	char status;
} KnownDimensions;

#define SH_PREFIX            dimensions
#define SH_ELEMENT_TYPE      KnownDimensions
#define SH_KEY_TYPE          MinimalTuple
#define SH_KEY               tuple
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), (key)->t_len)
#define SH_EQUAL(tb, a, b)   ((a)->t_len == (b)->t_len && memcmp(a, b, (a)->t_len) == 0)
#define SH_SCOPE             static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct NetKey
{
	int32 owner; /* number in the file */
	int32 codes;
	MinimalTuple dimensions; /* kept once */
} NetKey;

typedef struct NetEntry
{
	NetKey key;
	char status;
	Amount expected;
	Amount posted;
} NetEntry;

#define SH_PREFIX       nets
#define SH_ELEMENT_TYPE NetEntry
#define SH_KEY_TYPE     NetKey
#define SH_KEY          key
#define SH_HASH_KEY(tb, key)                                    \
	mix32(((uint64) (key).owner << 32 ^ (uint64) (key).codes) + \
		  (uint64) (uintptr_t) (key).dimensions)
#define SH_EQUAL(tb, a, b) \
	((a).owner == (b).owner && (a).codes == (b).codes && (a).dimensions == (b).dimensions)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct LineNet
{
	MemoryContext context;
	MemoryContext row_context;
	MemoryContext file_context;
	const bytea *found;

	/* The transactions that were named. */
	Tuplestorestate *rows;
	TupleTableSlot *row; /* NULL: there are none */
	bool has_row;        /* it holds the first that is not yet handed back */
	AttrNumber txn_id;
	AttrNumber basis;
	int64 nrows;

	/* The first transaction of each file; the first file has those before it, too. */
	int64 stride;
	int nfiles;
	int64 starts[MAX_FILES];
	BufFile *files[MAX_FILES];
	int64 records[MAX_FILES];

	known_hash *known;
	NetCodes **codes; /* by number */
	int32 ncodes;
	int32 capacity;

	LineDimensions *dimensions; /* NULL: lines have none */
};

LineNet *
line_net_open(TupleDesc dimensions, const bytea *found)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "net lines", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	LineNet *net = palloc0_object(LineNet);

	net->context = context;
	net->row_context = AllocSetContextCreate(context, "net line", ALLOCSET_DEFAULT_SIZES);
	net->file_context = AllocSetContextCreate(context, "file of lines", ALLOCSET_DEFAULT_SIZES);
	net->found = found;
	net->rows = tuplestore_begin_heap(false, false, work_mem);
	net->stride = FIRST_STRIDE;
	net->known = known_create(context, 256, NULL);
	net->capacity = 256;
	net->codes = palloc_array(NetCodes *, net->capacity);
	net->dimensions = line_dimensions_open(dimensions);
	MemoryContextSwitchTo(old);
	return net;
}

/* Half as many files. */
static void
merge_files(LineNet *net)
{
	for (int i = 0; i < MAX_FILES / 2; i++)
		net->starts[i] = net->starts[2 * i];
	net->nfiles = MAX_FILES / 2;
	net->stride *= 2;
}

void
line_net_name(LineNet *net, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(net->context);
	bool isnull;

	if (net->row == NULL)
	{
		TupleDesc desc = CreateTupleDescCopy(row->tts_tupleDescriptor);

		net->row = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		net->txn_id = column_find(desc, "of transactions", "txn_id", INT8OID);
		net->basis = column_find(desc, "of transactions", "basis", TEXTOID);
	}
	if (net->nrows % net->stride == 0)
	{
		if (net->nfiles == MAX_FILES)
			merge_files(net);
		if (net->nrows % net->stride == 0)
			net->starts[net->nfiles++] = DatumGetInt64(slot_getattr(row, net->txn_id, &isnull));
	}
	net->nrows++;
	tuplestore_puttupleslot(net->rows, row);
	MemoryContextSwitchTo(old);
}

int64
line_net_named(LineNet *net)
{
	return net->nrows;
}

/* The last file that begins with this transaction, or before it. */
static inline int
find_file(const LineNet *net, int64 txn_id)
{
	int from = 0;
	int to = net->nfiles;

	while (to - from > 1)
	{
		int middle = (from + to) / 2;

		if (net->starts[middle] <= txn_id)
			from = middle;
		else
			to = middle;
	}
	return from;
}

static void
write_line(LineNet *net, NetSide side, int64 txn_id, int32 codes, Amount amount,
		   MinimalTuple dimensions)
{
	Record record = {.codes = codes, .amount = (int64) amount};
	WideRecord wide;
	int64 offset;
	int number;
	BufFile *file;

	if (net->nfiles == 0)
		return;
	number = find_file(net, txn_id);
	if (pg_sub_s64_overflow(txn_id, net->starts[number], &offset) || offset != (int32) offset ||
		(Amount) record.amount != amount)
		record.codes |= RECORD_IS_WIDE;
	else
		record.txn_offset = (int32) offset;
	if (side == NET_POSTED)
		record.codes |= RECORD_IS_POSTED;
	if (dimensions != NULL)
		record.codes |= RECORD_HAS_DIMENSIONS;
	file = net->files[number];
	if (file == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(net->context);

		file = net->files[number] = BufFileCreateTemp(false);
		MemoryContextSwitchTo(old);
	}
	BufFileWrite(file, (void *) &record, sizeof(Record));
	if ((record.codes & RECORD_IS_WIDE) != 0)
	{
		wide.txn_id = txn_id;
		wide.high = (uint64) ((uint128) amount >> 64);
		wide.low = (uint64) amount;
		BufFileWrite(file, (void *) &wide, sizeof(WideRecord));
	}
	if (dimensions != NULL)
		BufFileWrite(file, (void *) dimensions, dimensions->t_len);
	net->records[number]++;
}

/* The number of a line's codes; -1: they are not known. */
static inline int32
find_codes(LineNet *net, Digest hash)
{
	KnownLine *known = known_lookup(net->known, hash);

	return known != NULL ? known->number : -1;
}

static int32
keep_codes(LineNet *net, Digest hash, const Code codes[LINE_CODES])
{
	MemoryContext old = MemoryContextSwitchTo(net->context);
	NetCodes *kept = palloc0_object(NetCodes);
	bool found;

	if (net->ncodes == RECORD_CODES)
		elog(ERROR, "lines have too many combinations of codes");
	if (net->ncodes == net->capacity)
	{
		net->capacity *= 2;
		net->codes = repalloc_array(net->codes, NetCodes *, net->capacity);
	}
	kept->hash = hash;
	for (int i = 0; i < LINE_CODES; i++)
		kept->codes[i] = codes[i].data == NULL ? code_null() : code_copy(codes[i]);
	kept->basis = line_buckets_basis(codes[CODE_BASIS]);
	net->codes[net->ncodes] = kept;
	known_insert(net->known, hash, &found)->number = net->ncodes;
	MemoryContextSwitchTo(old);
	return net->ncodes++;
}

/* Its transaction may be one that was named. */
static inline bool
is_wanted(const LineNet *net, int64 txn_id, int32 codes)
{
	return net->found == NULL || line_buckets_in(net->found, txn_id, net->codes[codes]->basis);
}

void
line_net_add_posted(TupleTableSlot *slot, void *arg)
{
	LineNet *net = arg;
	MemoryContext old = MemoryContextSwitchTo(net->row_context);
	ComparedLine line;
	int32 codes;

	comparison_read_row(slot, &line);
	codes = find_codes(net, line.hash);
	if (codes < 0)
		codes = keep_codes(net, line.hash, line.codes);
	if (is_wanted(net, line.txn_id, codes))
		write_line(net, NET_POSTED, line.txn_id, codes, line.amount,
				   line_dimensions_of_row(net->dimensions, slot, COMPARED_COLUMNS));
	MemoryContextSwitchTo(old);
	MemoryContextReset(net->row_context);
	progress_add(1);
}

static int32
keep_codes_of_tuple(LineNet *net, Relation rel, HeapTuple tuple, Digest hash)
{
	TupleDesc desc = RelationGetDescr(rel);
	Datum *values = palloc_array(Datum, desc->natts);
	bool *isnull = palloc_array(bool, desc->natts);
	Code codes[LINE_CODES];

	heap_deform_tuple(tuple, desc, values, isnull);
	for (int i = 0; i < LINE_CODES; i++)
	{
		AttrNumber n = column_find(desc, RelationGetRelationName(rel),
								   line_columns[LINE_FIRST_CODE + i], TEXTOID);

		codes[i] = isnull[n - 1] ? code_null() : code_from_datum(values[n - 1]);
	}
	return keep_codes(net, hash, codes);
}

static void
add_block(LineNet *net, NetSide side, PageReader *pages, LineReader *lines, BlockNumber block)
{
	OffsetNumber last = page_reader_page(pages, block);
	MemoryContext old = MemoryContextSwitchTo(net->row_context);

	CHECK_FOR_INTERRUPTS();
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;
		int32 codes;

		if (!page_reader_row(pages, i, &tuple))
			continue;
		line_reader_read(lines, &tuple, &line);
		codes = find_codes(net, line.codes);
		if (unlikely(codes < 0))
			codes = keep_codes_of_tuple(net, pages->rel, &tuple, line.codes);
		if (is_wanted(net, line.txn_id, codes))
			write_line(net, side, line.txn_id, codes, line.debit - line.credit,
					   line_dimensions_of_tuple(net->dimensions, pages->rel, &tuple));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(net->row_context);
	progress_add(last);
}

void
line_net_add_table(LineNet *net, NetSide side, Oid table)
{
	Relation rel = table_open(table, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	LineReader *lines = line_reader_open(rel);
	PageReader pages;

	line_dimensions_find(net->dimensions, rel);
	page_reader_open(&pages, rel, GetActiveSnapshot());
	for (BlockNumber block = 0; block < nblocks; block++)
		add_block(net, side, &pages, lines, block);
	page_reader_close(&pages);
	line_reader_close(lines);
	table_close(rel, NoLock);
}

int
line_net_compare_dimensions(LineNet *net, MinimalTuple a, MinimalTuple b)
{
	return line_dimensions_compare(net->dimensions, a, b);
}

/* What a file holds, while it is added up. */
typedef struct LineFile
{
	LineNet *net;
	int32 nowners;
	MinimalTuple *rows; /* of the transactions named, by number */
	owners_hash *owners;
	dimensions_hash *dimensions;
	nets_hash *nets;
} LineFile;

/* The next transaction named. Its row may be that of the next file, so it is not in this one's context. */
static bool
next_row(LineNet *net)
{
	MemoryContext old = MemoryContextSwitchTo(net->context);
	bool found = tuplestore_gettupleslot(net->rows, true, false, net->row);

	MemoryContextSwitchTo(old);
	return found;
}

/* The transactions named that come before one; all of the rest where is_last. */
static void
take_owners(LineFile *file, int64 before, bool is_last)
{
	LineNet *net = file->net;
	int32 capacity = FIRST_STRIDE;

	file->rows = palloc_array(MinimalTuple, capacity);
	for (;;)
	{
		OwnerKey key;
		bool isnull;
		bool found;

		if (!net->has_row && !next_row(net))
			return;
		net->has_row = true;
		key.txn_id = DatumGetInt64(slot_getattr(net->row, net->txn_id, &isnull));
		if (!is_last && key.txn_id >= before)
			return;
		key.basis =
			line_buckets_basis(code_from_datum(slot_getattr(net->row, net->basis, &isnull)));
		if (file->nowners == capacity)
		{
			capacity *= 2;
			file->rows = repalloc_array(file->rows, MinimalTuple, capacity);
		}
		owners_insert(file->owners, key, &found)->number = file->nowners;
		if (found)
			elog(ERROR, "transaction " INT64_FORMAT " is named twice", key.txn_id);
		file->rows[file->nowners++] = ExecCopySlotMinimalTuple(net->row);
		net->has_row = false;
	}
}

static void
read_exactly(BufFile *file, void *target, size_t size)
{
	if (BufFileRead(file, target, size) != size)
		elog(ERROR, "could not read a temporary file");
}

/* The dimensions that follow a record, kept once. */
static MinimalTuple
read_dimensions(LineFile *file, BufFile *from)
{
	uint32 size;
	MinimalTuple tuple;
	KnownDimensions *known;
	bool found;

	read_exactly(from, &size, sizeof(size));
	tuple = palloc(size);
	tuple->t_len = size;
	read_exactly(from, (char *) tuple + sizeof(size), size - sizeof(size));
	known = dimensions_insert(file->dimensions, tuple, &found);
	if (found)
		pfree(tuple);
	return known->tuple;
}

static void
add_record(LineFile *file, int64 txn_id, uint32 codes, Amount amount, MinimalTuple dimensions)
{
	int32 number = (int32) (codes & RECORD_CODES);
	OwnerKey key = {txn_id, file->net->codes[number]->basis};
	OwnerEntry *owner = owners_lookup(file->owners, key);
	NetEntry *entry;
	bool found;

	if (owner == NULL)
		return;
	entry = nets_insert(file->nets, (NetKey){owner->number, number, dimensions}, &found);
	if (!found)
		entry->expected = entry->posted = 0;
	if ((codes & RECORD_IS_POSTED) != 0)
		entry->posted += amount;
	else
		entry->expected += amount;
}

/* Adds the next record of a file that begins with a transaction. */
static void
read_record(LineFile *file, BufFile *from, int64 start)
{
	Record record;
	WideRecord wide;
	int64 txn_id;
	Amount amount;
	MinimalTuple dimensions = NULL;

	read_exactly(from, &record, sizeof(record));
	if ((record.codes & RECORD_IS_WIDE) != 0)
	{
		read_exactly(from, &wide, sizeof(wide));
		txn_id = wide.txn_id;
		amount = (Amount) ((uint128) wide.high << 64 | wide.low);
	}
	else
	{
		txn_id = start + record.txn_offset;
		amount = record.amount;
	}
	if ((record.codes & RECORD_HAS_DIMENSIONS) != 0)
		dimensions = read_dimensions(file, from);
	add_record(file, txn_id, record.codes, amount, dimensions);
}

static void
read_file(LineFile *file, int number)
{
	LineNet *net = file->net;
	BufFile *from = net->files[number];

	if (from == NULL)
		return;
	if (BufFileSeek(from, 0, 0, SEEK_SET) != 0)
		elog(ERROR, "could not rewind a temporary file");
	for (int64 i = 0; i < net->records[number]; i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_record(file, from, net->starts[number]);
	}
	BufFileClose(from);
	net->files[number] = NULL;
}

/* The sums of each transaction one after the other; ends gets where each one's end. */
static NetLine *
sort_by_owner(LineFile *file, int64 *ends)
{
	NetLine *lines =
		palloc_extended(mul_size(file->nets->members + 1, sizeof(NetLine)), MCXT_ALLOC_HUGE);
	nets_iterator scan;
	NetEntry *entry;
	int64 before = 0;

	memset(ends, 0, sizeof(int64) * file->nowners);
	nets_start_iterate(file->nets, &scan);
	while ((entry = nets_iterate(file->nets, &scan)) != NULL)
		ends[entry->key.owner]++;
	for (int32 i = 0; i < file->nowners; i++)
	{
		int64 count = ends[i];

		ends[i] = before;
		before += count;
	}
	nets_start_iterate(file->nets, &scan);
	while ((entry = nets_iterate(file->nets, &scan)) != NULL)
	{
		NetLine *line = &lines[ends[entry->key.owner]++];

		line->number = entry->key.codes;
		line->codes = file->net->codes[entry->key.codes];
		line->dimensions = entry->key.dimensions;
		line->expected = entry->expected;
		line->posted = entry->posted;
	}
	return lines;
}

static int
compare_lines(const void *a, const void *b, void *arg)
{
	const NetLine *x = a;
	const NetLine *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return line_net_compare_dimensions(arg, x->dimensions, y->dimensions);
}

/* Sums whose dimensions are equal, however they are stored, become one; how many are left. */
static int
merge_equal(LineNet *net, NetLine *lines, int nlines)
{
	int kept = 0;

	if (net->dimensions == NULL || nlines == 0)
		return nlines;
	qsort_arg(lines, nlines, sizeof(NetLine), compare_lines, net);
	for (int i = 1; i < nlines; i++)
		if (compare_lines(&lines[kept], &lines[i], net) == 0)
		{
			lines[kept].expected += lines[i].expected;
			lines[kept].posted += lines[i].posted;
		}
		else
			lines[++kept] = lines[i];
	return kept + 1;
}

static bool
has_difference(const NetLine *lines, int nlines)
{
	for (int i = 0; i < nlines; i++)
		if (lines[i].expected != lines[i].posted)
			return true;
	return false;
}

static void
hand_back(LineFile *file, NetTransaction differs, void *arg)
{
	LineNet *net = file->net;
	int64 *ends = palloc_array(int64, file->nowners + 1);
	NetLine *lines = sort_by_owner(file, ends);
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(net->row->tts_tupleDescriptor, &TTSOpsMinimalTuple);

	for (int32 i = 0; i < file->nowners; i++)
	{
		int64 from = i == 0 ? 0 : ends[i - 1];
		MemoryContext old = MemoryContextSwitchTo(net->row_context);
		int nlines = merge_equal(net, lines + from, (int) (ends[i] - from));

		CHECK_FOR_INTERRUPTS();
		if (has_difference(lines + from, nlines))
		{
			ExecStoreMinimalTuple(file->rows[i], slot, false);
			slot_getallattrs(slot);
			differs(slot, lines + from, nlines, arg);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(net->row_context);
	}
	ExecDropSingleTupleTableSlot(slot);
}

void
line_net_each(LineNet *net, NetTransaction differs, void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(net->file_context);

	for (int i = 0; i < net->nfiles; i++)
	{
		LineFile file = {.net = net};
		bool is_last = i == net->nfiles - 1;

		file.owners = owners_create(net->file_context, 2 * FIRST_STRIDE, NULL);
		file.nets = nets_create(net->file_context, 16 * FIRST_STRIDE, NULL);
		file.dimensions = dimensions_create(net->file_context, 64, NULL);
		take_owners(&file, is_last ? 0 : net->starts[i + 1], is_last);
		read_file(&file, i);
		hand_back(&file, differs, arg);
		MemoryContextReset(net->file_context);
	}
	MemoryContextSwitchTo(old);
}

void
line_net_close(LineNet *net)
{
	if (net->row != NULL)
		ExecDropSingleTupleTableSlot(net->row);
	tuplestore_end(net->rows);
	MemoryContextDelete(net->context);
}
