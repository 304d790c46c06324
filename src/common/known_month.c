/*
 * known_month.c
 *		Months of the ledger whose partitions were found to be there and attached
 *		(acct._place_of_month()): that is known until a catalog changes, as the check
 *		of the layout is (see layout_check.h).
 */
#include "common/layout_check.h"

#include "funcapi.h"
#include "utils/date.h"

LEDGER_FUNCTION(ledger_catalog_changes);
LEDGER_FUNCTION(ledger_known_month);
LEDGER_FUNCTION(ledger_know_month);

/* A run is for a month or two, late journals for a few more. */
#define MONTHS_KEPT 16

typedef struct KnownMonth
{
	DateADT month;
	uint64 changes; /* of the catalogs, before its partitions were looked at; 0: no month */
	Oid headers;
	Oid lines;
} KnownMonth;

static KnownMonth known[MONTHS_KEPT];

static KnownMonth *
find_month(DateADT month)
{
	for (int i = 0; i < MONTHS_KEPT; i++)
		if (known[i].changes != 0 && known[i].month == month)
			return &known[i];
	return NULL;
}

Datum
ledger_catalog_changes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) layout_changes());
}

/* (headers, lines), the partitions; NULL where they are not known. */
Datum
ledger_known_month(PG_FUNCTION_ARGS)
{
	uint64 changes = layout_changes();
	KnownMonth *month = find_month(PG_GETARG_DATEADT(0));
	TupleDesc tupdesc;
	Datum values[2] = {0};
	bool nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (month != NULL && month->changes == changes)
	{
		values[0] = ObjectIdGetDatum(month->headers);
		values[1] = ObjectIdGetDatum(month->lines);
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* month, headers, lines, and what ledger_catalog_changes() returned before they were looked at. */
Datum
ledger_know_month(PG_FUNCTION_ARGS)
{
	static int next = 0;
	KnownMonth *month = find_month(PG_GETARG_DATEADT(0));

	if (month == NULL)
	{
		month = &known[next];
		next = (next + 1) % MONTHS_KEPT;
	}
	month->month = PG_GETARG_DATEADT(0);
	month->headers = PG_GETARG_OID(1);
	month->lines = PG_GETARG_OID(2);
	month->changes = (uint64) PG_GETARG_INT64(3);
	PG_RETURN_VOID();
}
