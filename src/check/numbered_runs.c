/*
 * numbered_runs.c
 *		acct._run_numbers(): the journal numbers of a month by book and run, in one
 *		reading, and whether each run's follow each other.
 *
 * Posting gives a run consecutive numbers of each book and one time, so that its
 * first and last number say all where they are consecutive. It writes journals in
 * nearly that order: to know it they need not be sorted.
 *
 * Memory: some 500 bytes for each book of a run, and 16 for each journal that does not
 * follow the one before it.
 */
#include "common/code_map.h"
#include "common/query.h"
#include "common/stretches.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

LEDGER_FUNCTION(ledger_run_numbers);

/* A number is a month, a hyphen and nine digits. */
#define MONTH_DIGITS  6
#define NUMBER_DIGITS 9
#define NUMBER_LENGTH (MONTH_DIGITS + 1 + NUMBER_DIGITS)

/* Columns of the query of headers. */
enum
{
	NUMBER_ENTITY,
	NUMBER_BASIS,
	NUMBER_RUN,
	NUMBER_TEXT,
	NUMBER_TIME,
	NUMBER_COLUMNS
};

static const Oid number_types[NUMBER_COLUMNS] = {TEXTOID, TEXTOID, INT8OID, TEXTOID,
												 TIMESTAMPTZOID};

enum
{
	KEY_ENTITY,
	KEY_BASIS,
	KEY_RUN, /* its bytes */
	KEY_COUNT
};

typedef struct RunNumbers
{
	CodeKey key;
	int64 journals;
	int64 malformed;
	int64 first_n; /* 0: none has a number of the month */
	int64 last_n;
	char *first_number;
	char *last_number;
	TimestampTz first_at;
	TimestampTz last_at;
	Stretches numbers;
} RunNumbers;

enum
{
	RESULT_ENTITY,
	RESULT_BASIS,
	RESULT_RUN,
	RESULT_JOURNALS,
	RESULT_FIRST_N,
	RESULT_LAST_N,
	RESULT_FIRST_NUMBER,
	RESULT_LAST_NUMBER,
	RESULT_FIRST_AT,
	RESULT_LAST_AT,
	RESULT_CONSECUTIVE,
	RESULT_COLUMNS
};

typedef struct Numbers
{
	Code month; /* its six digits */
	CodeMap runs;
	RunNumbers *last;
	MemoryContext row_context;
} Numbers;

/* The count in a number of the month; 0 where it is none. */
static int64
count_of(Code month, Code number)
{
	int64 n = 0;

	if (month.len != MONTH_DIGITS || number.len != NUMBER_LENGTH ||
		memcmp(number.data, month.data, MONTH_DIGITS) != 0 || number.data[MONTH_DIGITS] != '-')
		return 0;
	for (int i = MONTH_DIGITS + 1; i < NUMBER_LENGTH; i++)
	{
		if (number.data[i] < '0' || number.data[i] > '9')
			return 0;
		n = n * 10 + (number.data[i] - '0');
	}
	return n;
}

static RunNumbers *
find_run(Numbers *numbers, const Datum *v)
{
	int64 run_id = DatumGetInt64(v[NUMBER_RUN]);
	CodeKey key = {0,
				   KEY_COUNT,
				   {code_from_datum(v[NUMBER_ENTITY]),
					code_from_datum(v[NUMBER_BASIS]),
					{(const char *) &run_id, sizeof(run_id)}}};
	const RunNumbers *last = numbers->last;
	bool found;

	if (last != NULL && code_equal(last->key.codes[KEY_RUN], key.codes[KEY_RUN]) &&
		code_equal(last->key.codes[KEY_ENTITY], key.codes[KEY_ENTITY]) &&
		code_equal(last->key.codes[KEY_BASIS], key.codes[KEY_BASIS]))
		return numbers->last;
	return numbers->last = code_map_enter(&numbers->runs, &key, &found);
}

/* Replaces a number that is kept: most have the same length. */
static void
keep_number(Numbers *numbers, char **kept, Code number)
{
	if (*kept == NULL)
		*kept = MemoryContextAlloc(numbers->runs.context, Max(number.len, NUMBER_LENGTH) + 1);
	else if (number.len > NUMBER_LENGTH)
		*kept = repalloc(*kept, number.len + 1);
	memcpy(*kept, number.data, number.len);
	(*kept)[number.len] = '\0';
}

static void
add_number(Numbers *numbers, RunNumbers *run, Code number, TimestampTz at)
{
	int64 n = count_of(numbers->month, number);
	bool is_first = run->journals++ == 0;

	if (is_first || code_compare(number, code_from_cstring(run->first_number)) < 0)
		keep_number(numbers, &run->first_number, number);
	if (is_first || code_compare(number, code_from_cstring(run->last_number)) > 0)
		keep_number(numbers, &run->last_number, number);
	if (n == 0)
		run->malformed++;
	else
	{
		run->numbers.context = numbers->runs.context;
		stretches_add(&run->numbers, n);
		run->first_n = run->first_n == 0 ? n : Min(run->first_n, n);
		run->last_n = Max(run->last_n, n);
	}
	run->first_at = is_first ? at : Min(run->first_at, at);
	run->last_at = is_first ? at : Max(run->last_at, at);
}

static void
add_header(TupleTableSlot *slot, void *arg)
{
	Numbers *numbers = arg;
	const Datum *v = slot->tts_values;
	MemoryContext old;

	slot_getallattrs(slot);
	if (slot->tts_tupleDescriptor->natts != NUMBER_COLUMNS)
		elog(ERROR, "the query does not return journal numbers");
	for (int i = 0; i < NUMBER_COLUMNS; i++)
		if (TupleDescAttr(slot->tts_tupleDescriptor, i)->atttypid != number_types[i] ||
			slot->tts_isnull[i])
			elog(ERROR, "the query does not return journal numbers");
	old = MemoryContextSwitchTo(numbers->row_context);
	add_number(numbers, find_run(numbers, v), code_from_datum(v[NUMBER_TEXT]),
			   DatumGetTimestampTz(v[NUMBER_TIME]));
	MemoryContextSwitchTo(old);
	MemoryContextReset(numbers->row_context);
}

static void
put_run(ReturnSetInfo *result, RunNumbers *run)
{
	Datum values[RESULT_COLUMNS];
	bool isnull[RESULT_COLUMNS] = {false};
	int64 run_id;

	memcpy(&run_id, run->key.codes[KEY_RUN].data, sizeof(run_id));
	values[RESULT_ENTITY] = code_to_datum(run->key.codes[KEY_ENTITY]);
	values[RESULT_BASIS] = code_to_datum(run->key.codes[KEY_BASIS]);
	values[RESULT_RUN] = Int64GetDatum(run_id);
	values[RESULT_JOURNALS] = Int64GetDatum(run->journals);
	values[RESULT_FIRST_N] = Int64GetDatum(run->first_n);
	values[RESULT_LAST_N] = Int64GetDatum(run->last_n);
	isnull[RESULT_FIRST_N] = isnull[RESULT_LAST_N] = run->first_n == 0;
	values[RESULT_FIRST_NUMBER] = CStringGetTextDatum(run->first_number);
	values[RESULT_LAST_NUMBER] = CStringGetTextDatum(run->last_number);
	values[RESULT_FIRST_AT] = TimestampTzGetDatum(run->first_at);
	values[RESULT_LAST_AT] = TimestampTzGetDatum(run->last_at);
	values[RESULT_CONSECUTIVE] = BoolGetDatum(
		run->malformed == 0 && stretches_join(&run->numbers) && run->numbers.count == 1);
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* Arguments: the query of headers, and the digits of the month that its numbers begin with. */
Datum
ledger_run_numbers(PG_FUNCTION_ARGS)
{
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *month = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Numbers numbers = {.month = code_from_cstring(month)};
	MemoryContext context;
	HASH_SEQ_STATUS scan;
	RunNumbers *run;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "run numbers", ALLOCSET_DEFAULT_SIZES);
	numbers.row_context = AllocSetContextCreate(context, "number", ALLOCSET_DEFAULT_SIZES);
	code_map_init(&numbers.runs, "run numbers", sizeof(RunNumbers), context);
	code_map_keep_index(&numbers.runs);
	query_open();
	query_each_row(query, NULL, add_header, &numbers);
	query_close();
	hash_seq_init(&scan, numbers.runs.table);
	while ((run = hash_seq_search(&scan)) != NULL)
		put_run(result, run);
	MemoryContextDelete(context);
	return (Datum) 0;
}
