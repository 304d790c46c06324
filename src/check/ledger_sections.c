/*
 * ledger_sections.c
 *		acct._recomputed_sections(): the sections of seals (docs/proof-format.md),
 *		computed from the rows of a month.
 *
 * Each process reads all tables of the month by page, and takes the sections
 * that fall to it by their codes, so that a section is complete in one process
 * wherever its rows are. It keeps the bytes of their rows, sorts those that did
 * not come in order, and computes the roots. Where the rows of a month are more
 * than maintenance_work_mem of each process, the tables are read several times,
 * for a part of the sections each time.
 *
 * Memory: the rows of a part, at least those of the largest section.
 */
#include "common/code_map.h"
#include "common/columns.h"
#include "common/parallel_work.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "seal/bytes.h"
#include "seal/section.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/sharedtuplestore.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_recomputed_sections);

/* Bytes that rows are stored by. */
#define CHUNK ((Size) 1 << 20)

typedef struct MonthTable
{
	Oid oid;
	RowKind kind;
	BlockNumber nblocks;
} MonthTable;

/* What all processes see. Behind it: the spool of results, the tables, and entity and basis (empty: all). */
typedef struct SectionsShared
{
	DateADT month;
	uint32 nparts; /* a process takes one after the other */
	int ntables;
	Size spool_at;
	Size tables_at;
	Size filters_at;
	SharedFileSet files;
	pg_atomic_uint32 next; /* part */
} SectionsShared;

/* The seal of the rows of a run in a book: for headers one, for lines another. */
typedef struct SealedRows
{
	CodeKey key;  /* entity, basis, the run's number; the kind of rows */
	int32 number; /* the same for rows of the same seal */
	int64 run_id;
	int64 seal_id; /* 0: none */
	RowForm *form;
	BoundForm *bound; /* to the table that is read */
} SealedRows;

/* A seal of a month is that of several runs. */
typedef struct SealNumber
{
	CodeKey key; /* seal_id; the kind of rows */
	int32 number;
} SealNumber;

typedef struct StoredRow
{
	int64 je_id;
	int32 line_no;     /* of a line */
	int32 number_size; /* of a header: so many bytes of je_number are before those of the row */
	uint32 size;
	const char *bytes;
} StoredRow;

typedef struct MonthSection
{
	CodeKey key; /* fund, account, currency; the number of the rows' seal */
	SealedRows *sealed;
	RowKind kind;
	bool in_order;
	int64 nrows;
	int64 capacity;
	StoredRow *rows;
	int64 je_id; /* the lowest, of rows without a seal */
	Amount debit;
	Amount credit;
} MonthSection;

enum
{
	RESULT_SEAL,
	RESULT_RUN,
	RESULT_ENTITY,
	RESULT_BASIS,
	RESULT_KIND,
	RESULT_FUND,
	RESULT_ACCOUNT,
	RESULT_CURRENCY,
	RESULT_ROWS,
	RESULT_DEBIT,
	RESULT_CREDIT,
	RESULT_ROOT,
	RESULT_DATA,
	RESULT_JE_ID,
	RESULT_COLUMNS
};

static const Oid result_types[RESULT_COLUMNS] = {
	INT8OID, INT8OID, TEXTOID,    TEXTOID,    INT2OID,  TEXTOID,  TEXTOID,
	TEXTOID, INT8OID, NUMERICOID, NUMERICOID, BYTEAOID, BYTEAOID, INT8OID};

/* What a process keeps. */
typedef struct Sections
{
	SectionsShared *shared;
	Code entity; /* that are wanted; empty: all */
	Code basis;
	MemoryContext context;
	MemoryContext pass_context; /* of the rows of a pass */
	MemoryContext row_context;
	Hasher *hasher;
	CodeMap seals;   /* SealedRows */
	CodeMap numbers; /* SealNumber */
	int32 nseals;
	SealedRows *last; /* found */
	List *bound;      /* SealedRows that are bound to the table */
	CodeMap sections;
	char *chunk;
	Size left;
	StringInfoData row;
	StringInfoData leaf;
	/* The table that is read. */
	Relation rel;
	RowKind kind;
	AttrNumber run_id;
	AttrNumber je_id;
	AttrNumber amounts[2];
	AttrNumber codes[5]; /* entity, basis, fund, account_code, currency */
	Datum *values;
	bool *isnull;
	/* Where results go. */
	TupleDesc result;
	Tuplestorestate *store;
	SharedTuplestoreAccessor *spool;
	MemoryContext spool_context;
} Sections;

PGDLLEXPORT void ledger_engine_sections_worker(dsm_segment *seg, shm_toc *toc);

static MonthTable *
shared_tables(SectionsShared *shared)
{
	return (MonthTable *) ((char *) shared + shared->tables_at);
}

static char *
shared_entity(SectionsShared *shared)
{
	return (char *) shared + shared->filters_at;
}

static char *
shared_basis(SectionsShared *shared)
{
	return shared_entity(shared) + strlen(shared_entity(shared)) + 1;
}

static SharedTuplestore *
shared_spool(SectionsShared *shared)
{
	return (SharedTuplestore *) ((char *) shared + shared->spool_at);
}

/* A code of the row that was deformed; where it is null, which none can be, it is empty. */
static Code
code_at(const Sections *sections, AttrNumber column)
{
	return sections->isnull[column - 1] ? code_from_cstring("")
										: code_from_datum(sections->values[column - 1]);
}

typedef struct FoundSeal
{
	Sections *sections;
	SealedRows *sealed;
} FoundSeal;

/* The form of the rows of a seal. */
static void
take_seal(TupleTableSlot *slot, void *arg)
{
	FoundSeal *found = arg;
	SealedRows *sealed = found->sealed;
	char *columns = query_text(slot, 1);

	sealed->seal_id = DatumGetInt64(query_value(slot, 0, 0));
	if (columns != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(found->sections->context);

		sealed->form = form_from_text(columns, (RowKind) sealed->key.number);
		MemoryContextSwitchTo(old);
	}
}

static int32
seal_number(Sections *sections, const SealedRows *sealed)
{
	CodeKey key = {.number = sealed->key.number, .ncodes = 1};
	SealNumber *number;
	bool found;

	if (sealed->seal_id == 0)
		return sections->nseals++;
	key.codes[0].data = (const char *) &sealed->seal_id;
	key.codes[0].len = sizeof(sealed->seal_id);
	number = code_map_enter(&sections->numbers, &key, &found);
	if (!found)
		number->number = sections->nseals++;
	return number->number;
}

static void
load_seal(Sections *sections, SealedRows *sealed)
{
	QueryArgs args = {0};
	FoundSeal found = {sections, sealed};

	query_arg(&args, INT8OID, Int64GetDatum(sealed->run_id));
	query_arg(&args, TEXTOID, code_to_datum(sealed->key.codes[0]));
	query_arg(&args, TEXTOID, code_to_datum(sealed->key.codes[1]));
	query_arg(&args, DATEOID, DateADTGetDatum(sections->shared->month));
	query_arg(&args, INT4OID, Int32GetDatum(sealed->key.number));
	query_each_row_kept(
		"SELECT s, acct._seal_columns(s, $5) FROM acct._seal_of_rows($1, $2, $3, $4) AS s", &args,
		take_seal, &found);
	sealed->number = seal_number(sections, sealed);
}

/* What seals the row that was deformed. */
static SealedRows *
sealed_rows(Sections *sections)
{
	int64 run_id = DatumGetInt64(sections->values[sections->run_id - 1]);
	Code entity = code_at(sections, sections->codes[0]);
	Code basis = code_at(sections, sections->codes[1]);
	SealedRows *sealed = sections->last;
	CodeKey key = {.number = sections->kind, .ncodes = 3};
	bool found;

	if (sealed != NULL && sealed->run_id == run_id &&
		sealed->key.number == (int32) sections->kind && code_equal(sealed->key.codes[0], entity) &&
		code_equal(sealed->key.codes[1], basis))
		return sealed;
	key.codes[0] = entity;
	key.codes[1] = basis;
	key.codes[2].data = (const char *) &run_id;
	key.codes[2].len = sizeof(run_id);
	sealed = code_map_enter(&sections->seals, &key, &found);
	if (!found)
	{
		sealed->run_id = run_id;
		load_seal(sections, sealed);
	}
	if (sealed->form != NULL && sealed->bound == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(sections->context);

		sealed->bound = form_bind(sealed->form, RelationGetDescr(sections->rel),
								  RelationGetRelationName(sections->rel));
		sections->bound = lappend(sections->bound, sealed);
		MemoryContextSwitchTo(old);
	}
	sections->last = sealed;
	return sealed;
}

/* The part of the sections that a row is in: the same for all rows of a section, in each process. */
static uint32
part_of(const Sections *sections, const SealedRows *sealed)
{
	uint32 hash = murmurhash32((uint32) (sealed->seal_id != 0 ? sealed->seal_id : sealed->run_id));

	for (int i = 2; i < (sections->kind == ROW_LINE ? 5 : 2); i++)
	{
		Code code = code_at(sections, sections->codes[i]);

		hash = hash_combine(hash, hash_bytes((const unsigned char *) code.data, code.len));
	}
	return hash % sections->shared->nparts;
}

static bool
is_wanted(Sections *sections, int code, Code wanted)
{
	return wanted.len == 0 || code_equal(code_at(sections, sections->codes[code]), wanted);
}

static MonthSection *
find_section(Sections *sections, SealedRows *sealed)
{
	CodeKey key = {.number = sealed->number, .ncodes = 3};
	MonthSection *section;
	bool found;

	for (int i = 0; i < 3; i++)
		key.codes[i] = sections->kind == ROW_LINE ? code_at(sections, sections->codes[2 + i])
												  : code_from_cstring("");
	section = code_map_enter(&sections->sections, &key, &found);
	if (!found)
	{
		section->sealed = sealed;
		section->kind = sections->kind;
		section->in_order = true;
	}
	return section;
}

/* Room for bytes that stay until the end of the pass. */
static char *
store(Sections *sections, Size size)
{
	char *at;

	if (size > sections->left)
	{
		Size chunk = Max(size, CHUNK);

		sections->chunk = MemoryContextAllocHuge(sections->pass_context, chunk);
		sections->left = chunk;
	}
	at = sections->chunk;
	sections->chunk += size;
	sections->left -= size;
	return at;
}

static int
compare_rows(const void *a, const void *b)
{
	const StoredRow *x = a;
	const StoredRow *y = b;
	Code x_number = {x->bytes - x->number_size, x->number_size};
	Code y_number = {y->bytes - y->number_size, y->number_size};
	int c = x->number_size == 0 && y->number_size == 0 ? 0 : code_compare(x_number, y_number);

	if (c != 0)
		return c;
	if (x->je_id != y->je_id)
		return x->je_id < y->je_id ? -1 : 1;
	return x->line_no - y->line_no;
}

static void
add_row(Sections *sections, MonthSection *section, const RowKey *key)
{
	StoredRow *row;
	char *at;

	if (section->nrows == section->capacity)
	{
		int64 capacity = Max(section->capacity * 2, 16);
		Size size = capacity * sizeof(StoredRow);

		section->rows = section->rows == NULL ? MemoryContextAllocHuge(sections->pass_context, size)
											  : repalloc_huge(section->rows, size);
		section->capacity = capacity;
	}
	row = &section->rows[section->nrows];
	row->je_id = key->je_id;
	row->line_no = section->kind == ROW_LINE ? key->line_no : 0;
	row->number_size = section->kind == ROW_HEADER ? key->je_number.len : 0;
	row->size = sections->row.len;
	at = store(sections, row->number_size + row->size);
	memcpy(at, key->je_number.data, row->number_size);
	row->bytes = at + row->number_size;
	memcpy(at + row->number_size, sections->row.data, row->size);
	if (section->nrows > 0 && section->in_order)
		section->in_order = compare_rows(row - 1, row) <= 0;
	section->nrows++;
	section->debit += key->debit;
	section->credit += key->credit;
}

/* A row without a seal has nothing to be compared with. */
static void
count_row(Sections *sections, MonthSection *section)
{
	int64 je_id = DatumGetInt64(sections->values[sections->je_id - 1]);

	if (section->nrows == 0 || je_id < section->je_id)
		section->je_id = je_id;
	section->nrows++;
	section->debit += amount_from_sum(sections->values[sections->amounts[0] - 1]);
	section->credit += amount_from_sum(sections->values[sections->amounts[1] - 1]);
}

/* Takes a row that falls to this process in this pass. */
static void
take_row(Sections *sections, HeapTuple tuple, uint32 part)
{
	SealedRows *sealed;
	MonthSection *section;
	RowKey key = {0};

	heap_deform_tuple(tuple, RelationGetDescr(sections->rel), sections->values, sections->isnull);
	if (!is_wanted(sections, 0, sections->entity) || !is_wanted(sections, 1, sections->basis))
		return;
	sealed = sealed_rows(sections);
	if (part_of(sections, sealed) != part)
		return;
	section = find_section(sections, sealed);
	if (sealed->form == NULL)
	{
		count_row(sections, section);
		return;
	}
	resetStringInfo(&sections->row);
	form_encode(sealed->bound, sections->values, sections->isnull, &sections->row, &key);
	add_row(sections, section, &key);
}

static void
open_table(Sections *sections, const MonthTable *table)
{
	static const char *const names[] = {"entity_code", "basis", "fund", "account_code", "currency"};
	TupleDesc tupdesc;
	char *name;

	sections->rel = table_open(table->oid, AccessShareLock);
	sections->kind = table->kind;
	tupdesc = RelationGetDescr(sections->rel);
	name = RelationGetRelationName(sections->rel);
	sections->run_id = column_find(tupdesc, name, "run_id", INT8OID);
	sections->je_id = column_find(tupdesc, name, "je_id", INT8OID);
	sections->amounts[0] =
		column_find(tupdesc, name, table->kind == ROW_LINE ? "debit" : "total_debit", NUMERICOID);
	sections->amounts[1] =
		column_find(tupdesc, name, table->kind == ROW_LINE ? "credit" : "total_credit", NUMERICOID);
	for (int i = 0; i < (table->kind == ROW_LINE ? 5 : 2); i++)
		sections->codes[i] = column_find(tupdesc, name, names[i], TEXTOID);
	sections->values = palloc_array(Datum, tupdesc->natts);
	sections->isnull = palloc_array(bool, tupdesc->natts);
	sections->last = NULL;
}

static void
close_table(Sections *sections)
{
	ListCell *cell;

	foreach(cell, sections->bound)
		((SealedRows *) lfirst(cell))->bound = NULL;
	list_free(sections->bound);
	sections->bound = NIL;
	sections->last = NULL;
	table_close(sections->rel, NoLock);
}

static void
read_table(Sections *sections, const MonthTable *table, uint32 part)
{
	PageReader pages;

	open_table(sections, table);
	page_reader_open(&pages, sections->rel, GetActiveSnapshot());
	for (BlockNumber block = 0; block < table->nblocks; block++)
	{
		OffsetNumber last;

		CHECK_FOR_INTERRUPTS();
		last = page_reader_page(&pages, block);
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			HeapTupleData tuple;
			MemoryContext old;

			if (!page_reader_row(&pages, i, &tuple))
				continue;
			old = MemoryContextSwitchTo(sections->row_context);
			take_row(sections, &tuple, part);
			MemoryContextSwitchTo(old);
		}
		MemoryContextReset(sections->row_context);
	}
	page_reader_close(&pages);
	close_table(sections);
}

/* The root of the tree of a section, whose rows are in order. */
static Sha256
section_root(Sections *sections, const MonthSection *section)
{
	MerkleTree tree;
	int full = section->kind == ROW_HEADER ? HEADERS_IN_LEAF : LINES_IN_LEAF;

	merkle_init(&tree, sections->hasher);
	for (int64 first = 0; first < section->nrows; first += full)
	{
		int count = Min(full, section->nrows - first);
		Sha256 leaf;

		CHECK_FOR_INTERRUPTS();
		resetStringInfo(&sections->leaf);
		bytes_put(&sections->leaf, section->kind == ROW_HEADER ? "LEh1" : "LEl1", 4);
		bytes_put_u16(&sections->leaf, count);
		for (int i = 0; i < count; i++)
		{
			const StoredRow *row = &section->rows[first + i];

			bytes_put_u32(&sections->leaf, row->size);
			bytes_put(&sections->leaf, row->bytes, row->size);
		}
		leaf = hash_leaf(sections->hasher, sections->leaf.data, sections->leaf.len);
		merkle_append(&tree, &leaf);
	}
	return merkle_root(&tree);
}

static Datum
bytea_of(const void *data, Size size)
{
	bytea *bytes = palloc(VARHDRSZ + size);

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);
	return PointerGetDatum(bytes);
}

/* The root of a section, and its data as a leaf in the tree of sections. */
static void
set_hashes(Sections *sections, MonthSection *section, Datum *values)
{
	SectionRecord record = {
		.rows = section->nrows, .debit = section->debit, .credit = section->credit};

	if (!section->in_order)
		qsort(section->rows, section->nrows, sizeof(StoredRow), compare_rows);
	record.key.kind = section->kind;
	record.key.month = sections->shared->month;
	record.key.fund = form_code(section->key.codes[0]);
	record.key.account = form_code(section->key.codes[1]);
	record.key.currency = form_code(section->key.codes[2]);
	record.root = section_root(sections, section);
	resetStringInfo(&sections->leaf);
	section_put_data(&record, &sections->leaf);
	values[RESULT_ROOT] = bytea_of(record.root.bytes, HASH_SIZE);
	values[RESULT_DATA] = bytea_of(sections->leaf.data, sections->leaf.len);
	values[RESULT_JE_ID] = Int64GetDatum(section->rows[0].je_id);
}

static void
put_section(Sections *sections, MonthSection *section)
{
	const SealedRows *sealed = section->sealed;
	Datum values[RESULT_COLUMNS] = {0};
	bool isnull[RESULT_COLUMNS] = {false};

	values[RESULT_SEAL] = Int64GetDatum(sealed->seal_id);
	values[RESULT_RUN] = Int64GetDatum(sealed->run_id);
	values[RESULT_ENTITY] = code_to_datum(sealed->key.codes[0]);
	values[RESULT_BASIS] = code_to_datum(sealed->key.codes[1]);
	values[RESULT_KIND] = Int16GetDatum(section->kind);
	for (int i = 0; i < 3; i++)
		values[RESULT_FUND + i] = code_to_datum(section->key.codes[i]);
	values[RESULT_ROWS] = Int64GetDatum(section->nrows);
	values[RESULT_DEBIT] = amount_to_new_numeric(section->debit);
	values[RESULT_CREDIT] = amount_to_new_numeric(section->credit);
	values[RESULT_JE_ID] = Int64GetDatum(section->je_id);
	isnull[RESULT_SEAL] = isnull[RESULT_ROOT] = isnull[RESULT_DATA] = sealed->form == NULL;
	if (sealed->form != NULL)
		set_hashes(sections, section, values);
	if (sections->spool != NULL)
	{
		MinimalTuple tuple = form_minimal_tuple(sections->result, values, isnull);
		/* The spool allocates what it keeps. */
		MemoryContext old = MemoryContextSwitchTo(sections->spool_context);

		sts_puttuple(sections->spool, NULL, tuple);
		MemoryContextSwitchTo(old);
	}
	else
		tuplestore_putvalues(sections->store, sections->result, values, isnull);
}

static void
begin_pass(Sections *sections)
{
	sections->pass_context =
		AllocSetContextCreate(sections->context, "sections of a pass", ALLOCSET_DEFAULT_SIZES);
	code_map_init(&sections->sections, "sections", sizeof(MonthSection), sections->pass_context);
	code_map_keep_recent(&sections->sections);
	sections->left = 0;
}

static void
end_pass(Sections *sections)
{
	HASH_SEQ_STATUS scan;
	MonthSection *section;

	hash_seq_init(&scan, sections->sections.table);
	while ((section = hash_seq_search(&scan)) != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(sections->row_context);

		put_section(sections, section);
		MemoryContextSwitchTo(old);
		MemoryContextReset(sections->row_context);
	}
	hash_destroy(sections->sections.table);
	MemoryContextDelete(sections->pass_context);
}

/* Does what falls to this process. */
static void
compute(Sections *sections, SectionsShared *shared)
{
	MemoryContext old = CurrentMemoryContext;
	uint32 part;

	sections->shared = shared;
	sections->spool_context = old;
	sections->entity = code_from_cstring(shared_entity(shared));
	sections->basis = code_from_cstring(shared_basis(shared));
	sections->context =
		AllocSetContextCreate(CurrentMemoryContext, "ledger sections", ALLOCSET_DEFAULT_SIZES);
	sections->row_context =
		AllocSetContextCreate(sections->context, "ledger row", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(sections->context);
	sections->hasher = hasher_open();
	initStringInfo(&sections->row);
	initStringInfo(&sections->leaf);
	code_map_init(&sections->seals, "seals", sizeof(SealedRows), sections->context);
	code_map_keep_recent(&sections->seals);
	code_map_init(&sections->numbers, "numbers of seals", sizeof(SealNumber), sections->context);
	query_open();
	while ((part = pg_atomic_fetch_add_u32(&shared->next, 1)) < shared->nparts)
	{
		begin_pass(sections);
		for (int i = 0; i < shared->ntables; i++)
			read_table(sections, &shared_tables(shared)[i], part);
		end_pass(sections);
	}
	query_close();
	hasher_close(sections->hasher);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(sections->context);
}

static TupleDesc
result_descriptor(void)
{
	TupleDesc tupdesc = CreateTemplateTupleDesc(RESULT_COLUMNS);

	for (int i = 0; i < RESULT_COLUMNS; i++)
		TupleDescInitEntry(tupdesc, i + 1, NULL, result_types[i], -1, 0);
	return tupdesc;
}

void
ledger_engine_sections_worker(dsm_segment *seg, shm_toc *toc)
{
	SectionsShared *shared = parallel_work_attach(toc);
	Sections sections = {0};
	int scope = settings_scope_open_pinned();

	SharedFileSetAttach(&shared->files, seg);
	sections.spool = sts_attach(shared_spool(shared), parallel_work_process(), &shared->files);
	sections.result = result_descriptor();
	compute(&sections, shared);
	sts_end_write(sections.spool);
	settings_scope_close(scope);
	parallel_work_leave();
}

static void
take_spool(Sections *sections, SharedTuplestoreAccessor *spool)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(sections->result, &TTSOpsMinimalTuple);
	MinimalTuple tuple;

	sts_begin_parallel_scan(spool);
	while ((tuple = sts_parallel_scan_next(spool, NULL)) != NULL)
	{
		ExecStoreMinimalTuple(tuple, slot, false);
		tuplestore_puttupleslot(sections->store, slot);
	}
	sts_end_parallel_scan(spool);
	ExecDropSingleTupleTableSlot(slot);
}

/* The tables of an array, and their blocks. */
static int
add_tables(ArrayType *array, RowKind kind, MonthTable *tables, uint64 *nblocks)
{
	Datum *oids;
	int count;

	deconstruct_array(array, REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &oids, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		Relation rel = table_open(DatumGetObjectId(oids[i]), AccessShareLock);

		tables[i].oid = RelationGetRelid(rel);
		tables[i].kind = kind;
		tables[i].nblocks = RelationGetNumberOfBlocks(rel);
		*nblocks += tables[i].nblocks;
		table_close(rel, NoLock);
	}
	return count;
}

/* An argument that may be null, which is empty then. */
static char *
filter(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* Arguments: tables of headers, tables of lines, the month, entity and basis (NULL: all). */
Datum
ledger_recomputed_sections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType *headers = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType *lines = PG_GETARG_ARRAYTYPE_P(1);
	MonthTable *tables =
		palloc_array(MonthTable, ArrayGetNItems(ARR_NDIM(headers), ARR_DIMS(headers)) +
									 ArrayGetNItems(ARR_NDIM(lines), ARR_DIMS(lines)) + 1);
	uint64 nblocks = 0;
	int ntables = add_tables(headers, ROW_HEADER, tables, &nblocks);
	Sections sections = {0};
	SectionsShared *shared;
	ParallelWork work;
	Size spool_at = MAXALIGN(sizeof(SectionsShared));
	Size tables_at;
	Size filters_at;
	char *entity = filter(fcinfo, 3);
	char *basis = filter(fcinfo, 4);
	int nworkers;
	int scope;

	ntables += add_tables(lines, ROW_LINE, tables + ntables, &nblocks);
	InitMaterializedSRF(fcinfo, 0);
	nworkers = parallel_work_workers(Min(nblocks, MaxBlockNumber));
	tables_at = spool_at + MAXALIGN(sts_estimate(nworkers + 1));
	filters_at = tables_at + ntables * sizeof(MonthTable);
	scope = settings_scope_open_pinned();
	if (!parallel_work_begin(&work, "ledger_engine_sections_worker",
							 filters_at + strlen(entity) + strlen(basis) + 2, nworkers))
		nworkers = 0;
	shared = work.shared;
	shared->month = PG_GETARG_DATEADT(2);
	shared->nparts =
		(nworkers + 1) *
		(1 + nblocks * BLCKSZ / ((uint64) maintenance_work_mem * 1024 * (nworkers + 1)));
	shared->ntables = ntables;
	shared->spool_at = spool_at;
	shared->tables_at = tables_at;
	shared->filters_at = filters_at;
	strcpy(shared_entity(shared), entity);
	strcpy(shared_basis(shared), basis);
	memcpy(shared_tables(shared), tables, ntables * sizeof(MonthTable));
	pg_atomic_init_u32(&shared->next, 0);
	sections.result = result_descriptor();
	sections.store = result->setResult;
	if (nworkers > 0)
	{
		SharedTuplestoreAccessor *spool;

		SharedFileSetInit(&shared->files, work.context->seg);
		spool =
			sts_initialize(shared_spool(shared), nworkers + 1, 0, 0, SHARED_TUPLESTORE_SINGLE_PASS,
						   &shared->files, "ledger_engine.sections");
		parallel_work_launch(&work);
		compute(&sections, shared);
		parallel_work_wait(&work);
		sts_end_write(spool);
		take_spool(&sections, spool);
	}
	else
		compute(&sections, shared);
	parallel_work_end(&work);
	settings_scope_close(scope);
	return (Datum) 0;
}
