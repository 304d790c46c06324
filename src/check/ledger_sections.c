/*
 * ledger_sections.c
 *		acct._recomputed_sections(): the sections of seals (docs/proof-format.md),
 *		computed from the rows of a month.
 *
 * Each process reads all tables of the month, and takes the sections
 * that fall to it by their codes, so that a section is complete in one process
 * wherever its rows are. It keeps the bytes of their rows, sorts those that did
 * not come in order, and computes the roots. Where the rows of a month are more
 * than maintenance_work_mem of each process, the tables are read several times,
 * for a part of the sections each time.
 *
 * Memory: the rows of a part, at least those of the largest section.
 */
#include "check/month_section.h"
#include "common/columns.h"
#include "common/parallel_rows.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "seal/bytes.h"
#include "table/row_scan.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_recomputed_sections);

/* After so many rows the memory of their values is freed. */
#define ROWS_BETWEEN_RESETS 64

/* Estimates for a table that is no heap: rows in a block of one, and how much smaller the table is. */
#define ROWS_PER_BLOCK 64
#define COMPRESSION    10

typedef struct MonthTable
{
	Oid oid;
	RowKind kind;
} MonthTable;

/* What all processes see. Behind it: rows of results, the tables, and entity and basis (empty: all). */
typedef struct SectionsShared
{
	DateADT month;
	uint32 nparts; /* a process takes one after the other */
	int ntables;
	Size rows_at;
	Size tables_at;
	Size filters_at;
	pg_atomic_uint32 next; /* part */
} SectionsShared;

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
	MemoryContext row_context;
	Hasher *hasher;
	RowSeals seals;
	MonthSections pass;
	StringInfoData row;
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
	ParallelRows results;
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

static SharedRows *
shared_rows(SectionsShared *shared)
{
	return (SharedRows *) ((char *) shared + shared->rows_at);
}

/* A code of the row that was deformed; where it is null, which none can be, it is empty. */
static Code
code_at(const Sections *sections, AttrNumber column)
{
	return sections->isnull[column - 1] ? code_from_cstring("")
										: code_from_datum(sections->values[column - 1]);
}

/* A row without a seal has what it is counted by, too, unless the table is not the engine's any more. */
static void
require_values(const Sections *sections)
{
	const AttrNumber columns[] = {sections->run_id, sections->je_id, sections->amounts[0],
								  sections->amounts[1]};

	for (int i = 0; i < lengthof(columns); i++)
		if (sections->isnull[columns[i] - 1])
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
							errmsg("an entry has a null where none can be")));
}

/* The part of the sections that a row is in: the same for all rows of a section, in each process. */
static uint32
part_of(const Sections *sections, const RowSeal *seal)
{
	uint32 hash = murmurhash32((uint32) (seal->seal_id != 0 ? seal->seal_id : seal->run_id));

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

/* The section of a row of a seal. */
static MonthSection *
find_section(Sections *sections, RowSeal *seal)
{
	Code codes[3];

	for (int i = 0; i < 3; i++)
		codes[i] = sections->kind == ROW_LINE ? code_at(sections, sections->codes[2 + i])
											  : code_from_cstring("");
	return month_sections_find(&sections->pass, seal, sections->kind, codes);
}

/* Takes a row that falls to this process in this pass. */
static void
take_row(Sections *sections, HeapTuple tuple, uint32 part)
{
	Datum *values = sections->values;
	RowSeal *seal;
	MonthSection *section;
	RowKey key = {0};

	heap_deform_tuple(tuple, RelationGetDescr(sections->rel), values, sections->isnull);
	if (!is_wanted(sections, 0, sections->entity) || !is_wanted(sections, 1, sections->basis))
		return;
	require_values(sections);
	seal = row_seals_find(&sections->seals, sections->rel, sections->kind,
						  DatumGetInt64(values[sections->run_id - 1]),
						  code_at(sections, sections->codes[0]),
						  code_at(sections, sections->codes[1]));
	if (part_of(sections, seal) != part)
		return;
	section = find_section(sections, seal);
	if (seal->form == NULL)
	{
		month_section_count(section, DatumGetInt64(values[sections->je_id - 1]),
							amount_from_sum(values[sections->amounts[0] - 1]),
							amount_from_sum(values[sections->amounts[1] - 1]));
		return;
	}
	resetStringInfo(&sections->row);
	form_encode(seal->bound, values, sections->isnull, &sections->row, &key);
	month_section_add(&sections->pass, section, &key, sections->row.data, sections->row.len);
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
}

static void
close_table(Sections *sections)
{
	row_seals_unbind(&sections->seals);
	table_close(sections->rel, NoLock);
}

static void
read_table(Sections *sections, const MonthTable *table, uint32 part)
{
	RowScan scan;
	HeapTupleData tuple;
	int taken = 0;

	open_table(sections, table);
	row_scan_open(&scan, sections->rel, GetActiveSnapshot());
	while (row_scan_next(&scan, &tuple))
	{
		MemoryContext old = MemoryContextSwitchTo(sections->row_context);

		take_row(sections, &tuple, part);
		MemoryContextSwitchTo(old);
		if (++taken % ROWS_BETWEEN_RESETS == 0)
			MemoryContextReset(sections->row_context);
	}
	MemoryContextReset(sections->row_context);
	row_scan_close(&scan);
	close_table(sections);
}

/* The root of a section, and its data as a leaf in the tree of sections. */
static void
set_hashes(Sections *sections, MonthSection *section, Datum *values)
{
	SectionRecord record = {
		.rows = section->nrows, .debit = section->debit, .credit = section->credit};
	StringInfoData data;

	record.key.kind = section->kind;
	record.key.month = sections->shared->month;
	record.key.fund = form_code(section->key.codes[0]);
	record.key.account = form_code(section->key.codes[1]);
	record.key.currency = form_code(section->key.codes[2]);
	record.root = month_section_root(section, sections->hasher);
	initStringInfo(&data);
	section_put_data(&record, &data);
	values[RESULT_ROOT] = bytes_to_datum(record.root.bytes, HASH_SIZE);
	values[RESULT_DATA] = bytes_to_datum(data.data, data.len);
	values[RESULT_JE_ID] = Int64GetDatum(section->rows[0].je_id);
}

static void
put_section(Sections *sections, MonthSection *section)
{
	const RowSeal *seal = section->seal;
	Datum values[RESULT_COLUMNS] = {0};
	bool isnull[RESULT_COLUMNS] = {false};

	values[RESULT_SEAL] = Int64GetDatum(seal->seal_id);
	values[RESULT_RUN] = Int64GetDatum(seal->run_id);
	values[RESULT_ENTITY] = code_to_datum(seal->key.codes[0]);
	values[RESULT_BASIS] = code_to_datum(seal->key.codes[1]);
	values[RESULT_KIND] = Int16GetDatum(section->kind);
	for (int i = 0; i < 3; i++)
		values[RESULT_FUND + i] = code_to_datum(section->key.codes[i]);
	values[RESULT_ROWS] = Int64GetDatum(section->nrows);
	values[RESULT_DEBIT] = amount_to_new_numeric(section->debit);
	values[RESULT_CREDIT] = amount_to_new_numeric(section->credit);
	values[RESULT_JE_ID] = Int64GetDatum(section->je_id);
	isnull[RESULT_SEAL] = isnull[RESULT_ROOT] = isnull[RESULT_DATA] = seal->form == NULL;
	if (seal->form != NULL)
		set_hashes(sections, section, values);
	parallel_rows_put(&sections->results, values, isnull);
}

/* Makes the sections of a part. */
static void
make_part(Sections *sections, uint32 part)
{
	SectionsShared *shared = sections->shared;
	HASH_SEQ_STATUS scan;
	MonthSection *section;

	month_sections_open(&sections->pass);
	for (int i = 0; i < shared->ntables; i++)
		read_table(sections, &shared_tables(shared)[i], part);
	hash_seq_init(&scan, sections->pass.map.table);
	while ((section = hash_seq_search(&scan)) != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(sections->row_context);

		put_section(sections, section);
		MemoryContextSwitchTo(old);
		MemoryContextReset(sections->row_context);
	}
	month_sections_close(&sections->pass);
}

/* Does what falls to this process. */
static void
compute(Sections *sections, SectionsShared *shared)
{
	MemoryContext old = CurrentMemoryContext;
	uint32 part;

	sections->shared = shared;
	sections->entity = code_from_cstring(shared_entity(shared));
	sections->basis = code_from_cstring(shared_basis(shared));
	sections->context =
		AllocSetContextCreate(CurrentMemoryContext, "ledger sections", ALLOCSET_DEFAULT_SIZES);
	sections->row_context =
		AllocSetContextCreate(sections->context, "ledger row", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(sections->context);
	sections->hasher = hasher_open();
	initStringInfo(&sections->row);
	row_seals_open(&sections->seals, shared->month);
	query_open();
	while ((part = pg_atomic_fetch_add_u32(&shared->next, 1)) < shared->nparts)
		make_part(sections, part);
	query_close();
	hasher_close(sections->hasher);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(sections->context);
}

void
ledger_engine_sections_worker(dsm_segment *seg, shm_toc *toc)
{
	SectionsShared *shared = parallel_work_attach(toc);
	Sections sections = {0};
	int scope = settings_scope_open_pinned();

	parallel_rows_attach(&sections.results, shared_rows(shared), seg, result_types, RESULT_COLUMNS);
	compute(&sections, shared);
	parallel_rows_end(&sections.results);
	settings_scope_close(scope);
	parallel_work_leave();
}

/* The blocks that the rows of a table take in a heap: columns that are compressed are read as rows again. */
static uint64
count_blocks(Relation rel)
{
	uint64 nblocks = RelationGetNumberOfBlocks(rel);

	if (rel->rd_rel->relam == HEAP_TABLE_AM_OID)
		return nblocks;
	if (rel->rd_rel->reltuples < 0)
		return nblocks * COMPRESSION;
	return Max(nblocks, (uint64) (rel->rd_rel->reltuples / ROWS_PER_BLOCK));
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
		*nblocks += count_blocks(rel);
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
	ArrayType *headers;
	ArrayType *lines;
	MonthTable *tables;
	uint64 nblocks = 0;
	int ntables;
	Sections sections = {0};
	SectionsShared *shared;
	ParallelWork work;
	Size rows_at = MAXALIGN(sizeof(SectionsShared));
	Size tables_at;
	Size filters_at;
	char *entity = filter(fcinfo, 3);
	char *basis = filter(fcinfo, 4);
	int nworkers;
	int scope;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("the tables and their month must be given")));
	headers = PG_GETARG_ARRAYTYPE_P(0);
	lines = PG_GETARG_ARRAYTYPE_P(1);
	tables = palloc_array(MonthTable, ArrayGetNItems(ARR_NDIM(headers), ARR_DIMS(headers)) +
										  ArrayGetNItems(ARR_NDIM(lines), ARR_DIMS(lines)) + 1);
	ntables = add_tables(headers, ROW_HEADER, tables, &nblocks);
	ntables += add_tables(lines, ROW_LINE, tables + ntables, &nblocks);
	InitMaterializedSRF(fcinfo, 0);
	nworkers = parallel_work_workers(Min(nblocks, MaxBlockNumber));
	tables_at = rows_at + parallel_rows_size(nworkers);
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
	shared->rows_at = rows_at;
	shared->tables_at = tables_at;
	shared->filters_at = filters_at;
	strcpy(shared_entity(shared), entity);
	strcpy(shared_basis(shared), basis);
	memcpy(shared_tables(shared), tables, ntables * sizeof(MonthTable));
	pg_atomic_init_u32(&shared->next, 0);
	parallel_rows_open(&sections.results, shared_rows(shared), &work, nworkers,
					   (ReturnSetInfo *) fcinfo->resultinfo);
	parallel_work_launch(&work);
	compute(&sections, shared);
	parallel_work_wait(&work);
	parallel_rows_end(&sections.results);
	parallel_work_end(&work);
	settings_scope_close(scope);
	return (Datum) 0;
}
