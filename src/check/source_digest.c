/*
 * source_digest.c
 *		Count, gross and digest of source rows as they are now:
 *		acct._digest_source() reads tables by page, by several processes where
 *		there are workers, acct._digest_rows() what a query returns.
 */
#include "common/columns.h"
#include "common/parallel_work.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "ledger/row_digest.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_digest_source);
LEDGER_FUNCTION(ledger_digest_rows);

/* Blocks that a process takes at a time. */
#define STRETCH 16

/* What rows add up to. */
typedef struct RowSum
{
	int64 rows;
	Amount gross;
	bool no_gross; /* a row has none that is an amount */
	Digest digest;
} RowSum;

typedef struct Table
{
	Oid oid;
	BlockNumber nblocks;
} Table;

/* What all processes see. Behind it: sums by process, tables, batches in their order, the array of names. */
typedef struct SourceDigestShared
{
	DateADT month;
	int ntables;
	int nbatches;
	Size tables_at;
	Size batches_at;
	Size names_at;
	pg_atomic_uint64
		next; /* stretch of all tables one after the other, each of which begins with a new one */
	RowSum sums[FLEXIBLE_ARRAY_MEMBER];
} SourceDigestShared;

/* The rows of a table, or of a query. */
typedef struct Reader
{
	RowDigest *digest;
	AttrNumber gross; /* InvalidAttrNumber: it has no column of amounts of that name */
	MemoryContext context;
	RowSum sum;
} Reader;

PGDLLEXPORT void ledger_engine_source_worker(dsm_segment *seg, shm_toc *toc);

static Table *
shared_tables(SourceDigestShared *shared)
{
	return (Table *) ((char *) shared + shared->tables_at);
}

static int64 *
shared_batches(SourceDigestShared *shared)
{
	return (int64 *) ((char *) shared + shared->batches_at);
}

static Datum
shared_names(SourceDigestShared *shared)
{
	return PointerGetDatum((char *) shared + shared->names_at);
}

static void
sum_add(RowSum *sum, const RowSum *more)
{
	sum->rows += more->rows;
	sum->gross += more->gross;
	sum->no_gross |= more->no_gross;
	digest_add(&sum->digest, more->digest);
}

/* Is it numeric, with four decimals at most? */
static bool
holds_amounts(Form_pg_attribute att)
{
	int precision;
	int scale;

	return att->atttypid == NUMERICOID && column_numeric_size(att->atttypmod, &precision, &scale) &&
		   scale <= 4;
}

static void
reader_open(Reader *reader, TupleDesc tupdesc, Datum names)
{
	memset(reader, 0, sizeof(Reader));
	reader->digest = row_digest_open(tupdesc, names);
	reader->gross = column_number(tupdesc, "gross_amount");
	if (reader->gross != InvalidAttrNumber &&
		!holds_amounts(TupleDescAttr(tupdesc, reader->gross - 1)))
		reader->gross = InvalidAttrNumber;
	reader->context =
		AllocSetContextCreate(CurrentMemoryContext, "source row", ALLOCSET_DEFAULT_SIZES);
}

static void
reader_add(Reader *reader, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	int gross = reader->gross - 1;
	Amount amount = 0;

	row_digest_add(reader->digest, values, isnull, &reader->sum.digest);
	if (gross < 0 || isnull[gross] || !amount_from_numeric(values[gross], 4, &amount))
		reader->sum.no_gross = true;
	reader->sum.gross += amount;
	reader->sum.rows++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->context);
}

/* Is it one of the batches, which are in order? at is where it was found last. */
static inline bool
is_wanted(const int64 *batches, int count, int64 batch, int *at)
{
	int low = 0;
	int high = count;

	if (*at < count && batches[*at] == batch)
		return true;
	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (batches[middle] < batch)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return low < count && batches[low] == batch;
}

/* One of the tables, while a process reads it. */
typedef struct TableReader
{
	Relation rel;
	AttrNumber batch_id;
	AttrNumber txn_month;
	PageReader pages;
	Reader rows;
	Datum *values;
	bool *isnull;
	int batch_at;
} TableReader;

static void
table_reader_open(TableReader *reader, Oid table, Datum names)
{
	TupleDesc tupdesc;
	const char *name;

	memset(reader, 0, sizeof(TableReader));
	reader->rel = table_open(table, AccessShareLock);
	tupdesc = RelationGetDescr(reader->rel);
	name = RelationGetRelationName(reader->rel);
	reader->batch_id = column_find(tupdesc, name, "batch_id", INT8OID);
	reader->txn_month = column_find(tupdesc, name, "txn_month", DATEOID);
	page_reader_open(&reader->pages, reader->rel, GetActiveSnapshot());
	reader_open(&reader->rows, tupdesc, names);
	reader->values = palloc_array(Datum, tupdesc->natts);
	reader->isnull = palloc_array(bool, tupdesc->natts);
}

static void
table_reader_close(TableReader *reader, RowSum *sum)
{
	sum_add(sum, &reader->rows.sum);
	page_reader_close(&reader->pages);
	table_close(reader->rel, NoLock);
}

static void
add_page(TableReader *reader, SourceDigestShared *shared, BlockNumber block)
{
	TupleDesc tupdesc = RelationGetDescr(reader->rel);
	OffsetNumber last;

	CHECK_FOR_INTERRUPTS();
	last = page_reader_page(&reader->pages, block);
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		bool isnull;
		Datum batch;

		if (!page_reader_row(&reader->pages, i, &tuple))
			continue;
		batch = heap_getattr(&tuple, reader->batch_id, tupdesc, &isnull);
		if (isnull || !is_wanted(shared_batches(shared), shared->nbatches, DatumGetInt64(batch),
								 &reader->batch_at))
			continue;
		heap_deform_tuple(&tuple, tupdesc, reader->values, reader->isnull);
		if (reader->isnull[reader->txn_month - 1] ||
			DatumGetDateADT(reader->values[reader->txn_month - 1]) != shared->month)
			continue;
		reader_add(&reader->rows, reader->values, reader->isnull);
	}
}

/* Reads stretches of blocks until all are taken. */
static void
add_stretches(SourceDigestShared *shared)
{
	Table *tables = shared_tables(shared);
	RowSum *sum = &shared->sums[parallel_work_process()];
	TableReader reader;
	uint64 before = 0; /* stretches of tables before this one */
	int at = 0;
	int open = -1;

	for (;;)
	{
		uint64 n = pg_atomic_fetch_add_u64(&shared->next, 1);
		BlockNumber from;

		/* Each process gets them in ascending order. */
		while (at < shared->ntables && n >= before + (tables[at].nblocks + STRETCH - 1) / STRETCH)
			before += (tables[at++].nblocks + STRETCH - 1) / STRETCH;
		if (at == shared->ntables)
			break;
		if (open != at)
		{
			if (open >= 0)
				table_reader_close(&reader, sum);
			table_reader_open(&reader, tables[at].oid, shared_names(shared));
			open = at;
		}
		from = (n - before) * STRETCH;
		for (BlockNumber block = from; block < Min(from + STRETCH, tables[at].nblocks); block++)
			add_page(&reader, shared, block);
	}
	if (open >= 0)
		table_reader_close(&reader, sum);
}

void
ledger_engine_source_worker(dsm_segment *seg, shm_toc *toc)
{
	/* Settings are the leader's. */
	add_stretches(parallel_work_attach(toc));
	parallel_work_leave();
}

static int
compare_batches(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Locks the tables and counts their blocks; the sum of these. */
static BlockNumber
open_tables(ArrayType *array, Table **tables, int *count)
{
	BlockNumber nblocks = 0;
	Datum *list;

	deconstruct_array(array, REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &list, NULL, count);
	*tables = palloc_array(Table, *count + 1);
	for (int i = 0; i < *count; i++)
	{
		Relation rel = table_open(DatumGetObjectId(list[i]), AccessShareLock);

		(*tables)[i].oid = RelationGetRelid(rel);
		(*tables)[i].nblocks = RelationGetNumberOfBlocks(rel);
		nblocks += (*tables)[i].nblocks;
		table_close(rel, NoLock);
	}
	return nblocks;
}

static RowSum
sum_tables(ArrayType *table_array, DateADT month, ArrayType *batch_array, ArrayType *names)
{
	SourceDigestShared layout = {.month = month};
	RowSum sum = {0};
	Table *tables;
	Datum *batches;
	BlockNumber nblocks = open_tables(table_array, &tables, &layout.ntables);
	int nworkers = parallel_work_workers(nblocks);
	ParallelWork work;
	SourceDigestShared *shared;

	deconstruct_array(batch_array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &batches, NULL, &layout.nbatches);
	layout.tables_at =
		MAXALIGN(offsetof(SourceDigestShared, sums) + (nworkers + 1) * sizeof(RowSum));
	layout.batches_at = layout.tables_at + MAXALIGN(layout.ntables * sizeof(Table));
	layout.names_at = layout.batches_at + layout.nbatches * sizeof(int64);
	(void) parallel_work_begin(&work, "ledger_engine_source_worker",
							   layout.names_at + VARSIZE(names), nworkers);
	shared = work.shared;
	*shared = layout;
	memcpy(shared_tables(shared), tables, layout.ntables * sizeof(Table));
	for (int i = 0; i < layout.nbatches; i++)
		shared_batches(shared)[i] = DatumGetInt64(batches[i]);
	qsort(shared_batches(shared), layout.nbatches, sizeof(int64), compare_batches);
	memcpy(DatumGetPointer(shared_names(shared)), names, VARSIZE(names));
	pg_atomic_init_u64(&shared->next, 0);
	parallel_work_launch(&work);
	add_stretches(shared);
	parallel_work_wait(&work);
	for (int i = 0; i <= work.nworkers; i++)
		sum_add(&sum, &shared->sums[i]);
	parallel_work_end(&work);
	return sum;
}

static Datum
return_sum(FunctionCallInfo fcinfo, const RowSum *sum)
{
	TupleDesc tupdesc;
	char digest[DIGEST_TEXT_SIZE];
	Datum values[3];
	bool nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	digest_to_text(sum->digest, digest);
	values[0] = Int64GetDatum(sum->rows);
	values[1] = amount_to_new_numeric(sum->gross);
	nulls[1] = sum->no_gross;
	values[2] = CStringGetTextDatum(digest);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

Datum
ledger_digest_source(PG_FUNCTION_ARGS)
{
	int scope = settings_scope_open_pinned();
	RowSum sum = sum_tables(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_DATEADT(1),
							PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(3));

	settings_scope_close(scope);
	PG_RETURN_DATUM(return_sum(fcinfo, &sum));
}

/* The rows of a query, from its first one on. */
typedef struct QueryReader
{
	bool is_open;
	Datum names;
	MemoryContext context;
	Reader rows;
} QueryReader;

static void
add_query_row(TupleTableSlot *slot, void *arg)
{
	QueryReader *reader = arg;

	if (!reader->is_open)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);

		reader_open(&reader->rows, slot->tts_tupleDescriptor, reader->names);
		reader->is_open = true;
		MemoryContextSwitchTo(old);
	}
	slot_getallattrs(slot);
	reader_add(&reader->rows, slot->tts_values, slot->tts_isnull);
}

Datum
ledger_digest_rows(PG_FUNCTION_ARGS)
{
	QueryReader reader = {.names = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(1)),
						  .context = CurrentMemoryContext};
	int scope = settings_scope_open_pinned();

	query_open();
	query_call(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL, add_query_row, &reader);
	query_close();
	settings_scope_close(scope);
	PG_RETURN_DATUM(return_sum(fcinfo, &reader.rows.sum));
}
