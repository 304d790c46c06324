/*
 * total.c
 *		Totals of a run (see total.h).
 */
#include "total.h"

#include "query.h"

#include "catalog/pg_type.h"
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
total_init(TotalSet *set, MemoryContext context)
{
	codemap_init(&set->map, "run totals", sizeof(Total), context);
}

Total *
total_find(TotalSet *set, Code entity, Code basis, DateADT month, Code fund, Code account_code,
		   Code currency)
{
	CodeKey key = {month, KEY_COUNT, {entity, basis, fund, account_code, currency}};
	bool found;

	return codemap_enter(&set->map, &key, &found);
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
total_save(TotalSet *set, int64 run_id)
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
