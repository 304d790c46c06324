/*
 * line_sums.c
 *		acct._line_sums(): what journal lines add up to, by the class of their run,
 *		month, entity, basis, fund, account and currency, with the digest of each group,
 *		and the number by which they are compared with journal headers.
 *
 * One reading of a month gives its figures and its digests. Tables are read by
 * page, by several processes where there are workers; a query gives the lines
 * that are elsewhere, or in tables that have not all columns.
 *
 * Memory: the groups, whose number does not depend on that of the lines or runs.
 */
#include "common/code_map.h"
#include "common/month.h"
#include "common/parallel_rows.h"
#include "common/query.h"
#include "ledger/journal_key.h"
#include "ledger/line_rows.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

LEDGER_FUNCTION(ledger_line_sums);

/* Blocks that a process takes at a time. */
#define STRETCH 16

#define RECENT_GROUPS 1024 /* a power of two */

typedef struct RunClass
{
	int64 run_id;
	int32 class;
} RunClass;

typedef struct SumTable
{
	Oid oid;
	BlockNumber nblocks;
} SumTable;

/* What all processes see. Behind it: rows of results, the tables, and the runs in their order. */
typedef struct LineSumsShared
{
	int ntables;
	int nruns;
	Size rows_at;
	Size tables_at;
	Size runs_at;
	pg_atomic_uint64 next; /* stretch, counted over all tables */
} LineSumsShared;

enum
{
	KEY_ENTITY,
	KEY_BASIS,
	KEY_FUND,
	KEY_ACCOUNT,
	KEY_CURRENCY,
	KEY_COUNT
};

/* A month's lines of a class. */
typedef struct MonthClass
{
	DateADT month;
	int32 class;
} MonthClass;

typedef struct LineGroup
{
	CodeKey key; /* and the number of its month and class, in the order in which they were met */
	MonthClass of;
	LineSum sum;
	uint64 books; /* journal_books() of its codes */
	int64 last_run;
} LineGroup;

enum
{
	RESULT_CLASS,
	RESULT_MONTH,
	RESULT_ENTITY,
	RESULT_BASIS,
	RESULT_FUND,
	RESULT_ACCOUNT,
	RESULT_CURRENCY,
	RESULT_LINES,
	RESULT_DEBIT,
	RESULT_CREDIT,
	RESULT_DIGEST,
	RESULT_JOURNALS,
	RESULT_LAST_RUN,
	RESULT_COLUMNS
};

static const Oid result_types[RESULT_COLUMNS] = {INT4OID, DATEOID, TEXTOID, TEXTOID,    TEXTOID,
												 TEXTOID, TEXTOID, INT8OID, NUMERICOID, NUMERICOID,
												 TEXTOID, TEXTOID, INT8OID};

/* What a process keeps. */
typedef struct LineSums
{
	LineSumsShared *shared; /* NULL once the tables are read */
	const RunClass *runs;   /* memory of this process */
	int nruns;
	RunClass last_run;
	DateADT first_day; /* of the month of the line before */
	DateADT next_month;
	LineGroup *recent[RECENT_GROUPS]; /* by the hash of the codes of a line that was added to it */
	MonthClass *met;                  /* by number */
	int nmet;
	CodeMap groups;
	MemoryContext context;
} LineSums;

PGDLLEXPORT void ledger_engine_line_sums_worker(dsm_segment *seg, shm_toc *toc);

static SumTable *
shared_tables(LineSumsShared *shared)
{
	return (SumTable *) ((char *) shared + shared->tables_at);
}

static RunClass *
shared_runs(LineSumsShared *shared)
{
	return (RunClass *) ((char *) shared + shared->runs_at);
}

static SharedRows *
shared_rows(LineSumsShared *shared)
{
	return (SharedRows *) ((char *) shared + shared->rows_at);
}

static void
sums_open(LineSums *sums, LineSumsShared *shared)
{
	MemoryContext old;

	memset(sums, 0, sizeof(LineSums));
	sums->shared = shared;
	sums->context =
		AllocSetContextCreate(CurrentMemoryContext, "line sums", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(sums->context);
	code_map_init(&sums->groups, "line sums", sizeof(LineGroup), sums->context);
	code_map_keep_index(&sums->groups);
	sums->met = palloc(sizeof(MonthClass));
	sums->nruns = shared->nruns;
	sums->runs = memcpy(palloc_array(RunClass, shared->nruns + 1), shared_runs(shared),
						shared->nruns * sizeof(RunClass));
	MemoryContextSwitchTo(old);
}

static int
compare_runs(const void *a, const void *b)
{
	int64 x = ((const RunClass *) a)->run_id;
	int64 y = ((const RunClass *) b)->run_id;

	return x < y ? -1 : x > y;
}

/* The class of a run; 0 where it has none. */
static int32
class_of(LineSums *sums, int64 run_id)
{
	if (run_id != sums->last_run.run_id || sums->nmet == 0)
	{
		RunClass wanted = {run_id, 0};
		const RunClass *found =
			bsearch(&wanted, sums->runs, sums->nruns, sizeof(RunClass), compare_runs);

		sums->last_run = found != NULL ? *found : wanted;
	}
	return sums->last_run.class;
}

/* The number of a month and class: they are few, and the one met last comes first. */
static int32
number_of(LineSums *sums, MonthClass of)
{
	for (int i = sums->nmet - 1; i >= 0; i--)
		if (sums->met[i].month == of.month && sums->met[i].class == of.class)
			return i;
	if ((sums->nmet & (sums->nmet + 1)) == 0)
		sums->met = repalloc(sums->met, (2 * sums->nmet + 2) * sizeof(MonthClass));
	sums->met[sums->nmet] = of;
	return sums->nmet++;
}

static LineGroup *
find_group(LineSums *sums, MonthClass of, const Line *line)
{
	CodeKey key = {number_of(sums, of),
				   KEY_COUNT,
				   {line->entity, line->basis, line->fund, line->account_code, line->currency}};
	bool found;
	LineGroup *group = code_map_enter(&sums->groups, &key, &found);

	if (!found)
	{
		group->of = of;
		group->books = journal_books(line->entity, line->basis, line->currency);
		group->last_run = line->run_id;
	}
	return group;
}

/* Is this the group of a line of this month and class? */
static inline bool
group_fits(const LineGroup *group, MonthClass of, const Line *line)
{
	const Code *codes = group->key.codes;

	return group->of.month == of.month && group->of.class == of.class &&
		   code_equal(codes[KEY_ACCOUNT], line->account_code) &&
		   code_equal(codes[KEY_FUND], line->fund) && code_equal(codes[KEY_ENTITY], line->entity) &&
		   code_equal(codes[KEY_BASIS], line->basis) &&
		   code_equal(codes[KEY_CURRENCY], line->currency);
}

static inline void
add_to_group(LineGroup *group, const Line *line)
{
	line_sum_add(&group->sum, line);
	line_sum_add_books(&group->sum, line, group->books);
	group->last_run = Max(group->last_run, line->run_id);
}

static void
add_line(const Line *line, void *arg)
{
	LineSums *sums = arg;
	LineGroup **recent = &sums->recent[line->codes.low & (RECENT_GROUPS - 1)];
	MonthClass of;

	if (line->je_date < sums->first_day || line->je_date >= sums->next_month)
	{
		sums->first_day = month_of(line->je_date);
		sums->next_month = month_after(line->je_date, 1);
	}
	of = (MonthClass){sums->first_day, class_of(sums, line->run_id)};
	if (*recent == NULL || !group_fits(*recent, of, line))
		*recent = find_group(sums, of, line);
	add_to_group(*recent, line);
}

/* Reads the stretches of a table that fall to this process. next is the stretch that it has, first that of the table's first. */
static uint64
add_table(LineSums *sums, const SumTable *table, uint64 first, uint64 next)
{
	uint64 end = first + (table->nblocks + STRETCH - 1) / STRETCH;
	Relation rel;
	LineReader *lines;
	PageReader pages;

	if (next >= end)
		return next;
	rel = table_open(table->oid, AccessShareLock);
	lines = line_reader_open(rel);
	page_reader_open(&pages, rel, GetActiveSnapshot());
	while (next < end)
	{
		uint64 from = (next - first) * STRETCH;

		for (BlockNumber block = from; block < Min(from + STRETCH, table->nblocks); block++)
			line_rows_of_block(&pages, lines, block, add_line, sums);
		next = pg_atomic_fetch_add_u64(&sums->shared->next, 1);
	}
	page_reader_close(&pages);
	line_reader_close(lines);
	table_close(rel, NoLock);
	return next;
}

static void
add_tables(LineSums *sums)
{
	LineSumsShared *shared = sums->shared;
	const SumTable *tables = shared_tables(shared);
	uint64 next = pg_atomic_fetch_add_u64(&shared->next, 1);
	uint64 first = 0;

	for (int i = 0; i < shared->ntables; i++)
	{
		next = add_table(sums, &tables[i], first, next);
		first += (tables[i].nblocks + STRETCH - 1) / STRETCH;
	}
}

static void
set_result(const LineGroup *group, Datum *values)
{
	char digest[DIGEST_TEXT_SIZE];
	char journals[DIGEST_TEXT_SIZE];

	digest_to_text(group->sum.digest, digest);
	digest_to_text(journal_digest(group->sum.journals), journals);
	values[RESULT_CLASS] = Int32GetDatum(group->of.class);
	values[RESULT_MONTH] = DateADTGetDatum(group->of.month);
	values[RESULT_ENTITY] = code_to_datum(group->key.codes[KEY_ENTITY]);
	values[RESULT_BASIS] = code_to_datum(group->key.codes[KEY_BASIS]);
	values[RESULT_FUND] = code_to_datum(group->key.codes[KEY_FUND]);
	values[RESULT_ACCOUNT] = code_to_datum(group->key.codes[KEY_ACCOUNT]);
	values[RESULT_CURRENCY] = code_to_datum(group->key.codes[KEY_CURRENCY]);
	values[RESULT_LINES] = Int64GetDatum(group->sum.lines);
	values[RESULT_DEBIT] = amount_to_new_numeric(group->sum.debit);
	values[RESULT_CREDIT] = amount_to_new_numeric(group->sum.credit);
	values[RESULT_DIGEST] = CStringGetTextDatum(digest);
	values[RESULT_JOURNALS] = CStringGetTextDatum(journals);
	values[RESULT_LAST_RUN] = Int64GetDatum(group->last_run);
}

/* Several processes may each have a group with the same key: the caller adds them up. */
static void
put_results(LineSums *sums, ParallelRows *rows)
{
	HASH_SEQ_STATUS scan;
	LineGroup *group;

	hash_seq_init(&scan, sums->groups.table);
	while ((group = hash_seq_search(&scan)) != NULL)
	{
		Datum values[RESULT_COLUMNS];
		bool isnull[RESULT_COLUMNS] = {false};

		set_result(group, values);
		parallel_rows_put(rows, values, isnull);
	}
}

void
ledger_engine_line_sums_worker(dsm_segment *seg, shm_toc *toc)
{
	LineSumsShared *shared = parallel_work_attach(toc);
	ParallelRows rows;
	LineSums sums;

	parallel_rows_attach(&rows, shared_rows(shared), seg, result_types, RESULT_COLUMNS);
	sums_open(&sums, shared);
	add_tables(&sums);
	put_results(&sums, &rows);
	parallel_rows_end(&rows);
	MemoryContextDelete(sums.context);
	parallel_work_leave();
}

/* The elements of an array without nulls. */
static Datum *
elements(FunctionCallInfo fcinfo, int argument, Oid type, int size, char align, int *count)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(argument);
	Datum *values;
	bool by_value = size < 8 || FLOAT8PASSBYVAL;

	deconstruct_array(array, type, size, by_value, align, &values, NULL, count);
	return values;
}

static SumTable *
open_tables(FunctionCallInfo fcinfo, int *count, uint64 *nblocks)
{
	Datum *oids = elements(fcinfo, 0, REGCLASSOID, sizeof(Oid), TYPALIGN_INT, count);
	SumTable *tables = palloc_array(SumTable, *count + 1);

	for (int i = 0; i < *count; i++)
	{
		Relation rel = table_open(DatumGetObjectId(oids[i]), AccessShareLock);

		tables[i].oid = RelationGetRelid(rel);
		tables[i].nblocks = RelationGetNumberOfBlocks(rel);
		*nblocks += tables[i].nblocks;
		table_close(rel, NoLock);
	}
	return tables;
}

/* The runs and their classes, in the order of the runs. */
static RunClass *
sorted_runs(FunctionCallInfo fcinfo, int *count)
{
	int nclasses;
	Datum *ids = elements(fcinfo, 2, INT8OID, sizeof(int64), TYPALIGN_DOUBLE, count);
	Datum *classes = elements(fcinfo, 3, INT4OID, sizeof(int32), TYPALIGN_INT, &nclasses);
	RunClass *runs = palloc_array(RunClass, *count + 1);

	if (*count != nclasses)
		elog(ERROR, "%d runs have %d classes", *count, nclasses);
	for (int i = 0; i < *count; i++)
	{
		runs[i].run_id = DatumGetInt64(ids[i]);
		runs[i].class = DatumGetInt32(classes[i]);
	}
	qsort(runs, *count, sizeof(RunClass), compare_runs);
	return runs;
}

/* Arguments: tables of lines, a query of others (empty: none), runs, and the class of each. */
Datum
ledger_line_sums(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	uint64 nblocks = 0;
	int ntables;
	int nruns;
	SumTable *tables;
	RunClass *runs;
	LineSums sums;
	LineSumsShared *shared;
	ParallelWork work;
	ParallelRows rows;
	int nworkers;
	Size rows_at = MAXALIGN(sizeof(LineSumsShared));
	Size tables_at;
	Size runs_at;

	tables = open_tables(fcinfo, &ntables, &nblocks);
	runs = sorted_runs(fcinfo, &nruns);
	InitMaterializedSRF(fcinfo, 0);
	nworkers = parallel_work_workers(Min(nblocks, MaxBlockNumber));
	tables_at = rows_at + parallel_rows_size(nworkers);
	runs_at = tables_at + MAXALIGN(ntables * sizeof(SumTable));
	if (!parallel_work_begin(&work, "ledger_engine_line_sums_worker",
							 runs_at + nruns * sizeof(RunClass), nworkers))
		nworkers = 0;
	shared = work.shared;
	shared->ntables = ntables;
	shared->nruns = nruns;
	shared->rows_at = rows_at;
	shared->tables_at = tables_at;
	shared->runs_at = runs_at;
	memcpy(shared_tables(shared), tables, ntables * sizeof(SumTable));
	memcpy(shared_runs(shared), runs, nruns * sizeof(RunClass));
	pg_atomic_init_u64(&shared->next, 0);
	parallel_rows_open(&rows, shared_rows(shared), &work, nworkers, result);
	parallel_work_launch(&work);
	sums_open(&sums, shared);
	add_tables(&sums);
	parallel_work_wait(&work);
	parallel_rows_end(&rows);
	parallel_work_end(&work);
	sums.shared = NULL;
	if (query[0] != '\0')
	{
		QueryLines lines;

		line_rows_open(&lines, LINE_JE_ID, add_line, &sums);
		query_open();
		query_each_row(query, NULL, line_rows_take, &lines);
		query_close();
		line_rows_close(&lines);
	}
	put_results(&sums, &rows);
	MemoryContextDelete(sums.context);
	return (Datum) 0;
}
