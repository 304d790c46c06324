/*
 * run_total.c
 *		Totals of a run (see run_total.h).
 */
#include "ledger/run_total.h"

#include "common/query.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

enum
{
	KEY_ENTITY,
	KEY_BASIS,
	KEY_FUND,
	KEY_ACCOUNT,
	KEY_CURRENCY,
	KEY_COUNT
};

void
run_total_init(TotalSet *set, MemoryContext context)
{
	code_map_init(&set->map, "run totals", sizeof(Total), context);
}

Total *
run_total_find(TotalSet *set, Code entity, Code basis, DateADT month, Code fund, Code account_code,
			   Code currency)
{
	CodeKey key = {month, KEY_COUNT, {entity, basis, fund, account_code, currency}};
	bool found;

	return code_map_enter(&set->map, &key, &found);
}

bool
run_total_comes_to(const TotalSet *set, int64 lines, Amount debit, Amount credit)
{
	HASH_SEQ_STATUS scan;
	Total *total;

	hash_seq_init(&scan, set->map.table);
	while ((total = hash_seq_search(&scan)) != NULL)
	{
		lines -= total->lines;
		debit -= total->debit;
		credit -= total->credit;
	}
	return lines == 0 && debit == 0 && credit == 0;
}

/* Columns of a spooled total: the codes, then these. */
enum
{
	SPOOL_MONTH = KEY_COUNT,
	SPOOL_LINES,
	SPOOL_DEBIT,
	SPOOL_CREDIT,
	SPOOL_COLUMNS
};

static TupleDesc
spool_descriptor(void)
{
	TupleDesc tupdesc = CreateTemplateTupleDesc(SPOOL_COLUMNS);

	for (int i = 0; i < KEY_COUNT; i++)
		TupleDescInitEntry(tupdesc, i + 1, "code", TEXTOID, -1, 0);
	TupleDescInitEntry(tupdesc, SPOOL_MONTH + 1, "month", DATEOID, -1, 0);
	TupleDescInitEntry(tupdesc, SPOOL_LINES + 1, "lines", INT8OID, -1, 0);
	TupleDescInitEntry(tupdesc, SPOOL_DEBIT + 1, "debit", NUMERICOID, -1, 0);
	TupleDescInitEntry(tupdesc, SPOOL_CREDIT + 1, "credit", NUMERICOID, -1, 0);
	return tupdesc;
}

void
run_total_spool(TotalSet *set, SharedTuplestoreAccessor *spool)
{
	TupleDesc tupdesc = spool_descriptor();
	HASH_SEQ_STATUS scan;
	Total *total;

	hash_seq_init(&scan, set->map.table);
	while ((total = hash_seq_search(&scan)) != NULL)
	{
		Datum values[SPOOL_COLUMNS];
		bool isnull[SPOOL_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < KEY_COUNT; i++)
			values[i] = code_to_datum(total->key.codes[i]);
		values[SPOOL_MONTH] = DateADTGetDatum(total->key.number);
		values[SPOOL_LINES] = Int64GetDatum(total->lines);
		values[SPOOL_DEBIT] = amount_to_new_numeric(total->debit);
		values[SPOOL_CREDIT] = amount_to_new_numeric(total->credit);
		sts_puttuple(spool, NULL, form_minimal_tuple(tupdesc, values, isnull));
	}
}

void
run_total_take(TotalSet *set, SharedTuplestoreAccessor *spool)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(spool_descriptor(), &TTSOpsMinimalTuple);
	MinimalTuple tuple;

	sts_begin_parallel_scan(spool);
	while ((tuple = sts_parallel_scan_next(spool, NULL)) != NULL)
	{
		Datum *v = slot->tts_values;
		Total *total;

		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(tuple, slot, false);
		slot_getallattrs(slot);
		total = run_total_find(set, code_from_datum(v[KEY_ENTITY]), code_from_datum(v[KEY_BASIS]),
							   DatumGetDateADT(v[SPOOL_MONTH]), code_from_datum(v[KEY_FUND]),
							   code_from_datum(v[KEY_ACCOUNT]), code_from_datum(v[KEY_CURRENCY]));
		total->debit += amount_from_sum(v[SPOOL_DEBIT]);
		total->credit += amount_from_sum(v[SPOOL_CREDIT]);
		total->lines += DatumGetInt64(v[SPOOL_LINES]);
	}
	sts_end_parallel_scan(spool);
	ExecDropSingleTupleTableSlot(slot);
}

static Datum
array_of(Datum *values, int count, Oid type)
{
	bool by_value = type == DATEOID || type == INT8OID;
	int size = type == DATEOID ? 4 : type == INT8OID ? 8 : -1;

	return PointerGetDatum(construct_array(values, count, type, size, by_value,
										   type == INT8OID ? TYPALIGN_DOUBLE : TYPALIGN_INT));
}

void
run_total_save(TotalSet *set, int64 run_id)
{
	int capacity = (int) hash_get_num_entries(set->map.table);
	int count = 0;
	Datum *codes[KEY_COUNT];
	Datum *months = palloc_array(Datum, capacity + 1);
	Datum *debits = palloc_array(Datum, capacity + 1);
	Datum *credits = palloc_array(Datum, capacity + 1);
	Datum *lines = palloc_array(Datum, capacity + 1);
	HASH_SEQ_STATUS scan;
	Total *total;
	QueryArgs args = {0};

	for (int k = 0; k < KEY_COUNT; k++)
		codes[k] = palloc_array(Datum, capacity + 1);
	hash_seq_init(&scan, set->map.table);
	while ((total = hash_seq_search(&scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (total->lines == 0)
			continue;
		for (int k = 0; k < KEY_COUNT; k++)
			codes[k][count] = code_to_datum(total->key.codes[k]);
		months[count] = DateADTGetDatum(total->key.number);
		debits[count] = amount_to_new_numeric(total->debit);
		credits[count] = amount_to_new_numeric(total->credit);
		lines[count] = Int64GetDatum(total->lines);
		count++;
	}

	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	for (int k = 0; k < KEY_COUNT; k++)
		query_arg(&args, TEXTARRAYOID, array_of(codes[k], count, TEXTOID));
	query_arg(&args, DATEARRAYOID, array_of(months, count, DATEOID));
	query_arg(&args, NUMERICARRAYOID, array_of(debits, count, NUMERICOID));
	query_arg(&args, NUMERICARRAYOID, array_of(credits, count, NUMERICOID));
	query_arg(&args, INT8ARRAYOID, array_of(lines, count, INT8OID));
	query_change(
		"INSERT INTO acct.journal_run_total (run_id, entity_code, basis, fund, account_code, currency, "
		"je_month, debit, credit, line_count) "
		"SELECT $1, u.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10) AS u",
		&args);
}
