/*
 * archive_files.c
 *		acct.export_archive() and acct.verify_archive(): files of archived
 *		months, written and read with the caller's rights, and what came of it
 *		recorded with the owner's.
 *
 * A function that ran as its owner would lend everybody who may call it the
 * owner's right to write files and run programs. One that ran as its caller
 * could not write the record; and a function that writes what it is told would
 * let its callers claim that an export was verified, upon which the month may
 * be dropped. So the two halves are put together here, where nothing comes
 * between them: the work is a function that runs as the caller, the record one
 * that nobody but the owner may call.
 */
#include "common/ledger_engine.h"

#include "common/query.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

LEDGER_FUNCTION(ledger_export_archive);
LEDGER_FUNCTION(ledger_verify_archive);

typedef struct Manifest
{
	MemoryContext context;
	Datum value;
} Manifest;

typedef struct Checks
{
	ReturnSetInfo *result;
	int count;
	int failed;
} Checks;

/* The owner of the function that was called. */
static Oid
function_owner(FunctionCallInfo fcinfo)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
ignore_row(TupleTableSlot *slot, void *arg)
{
}

/* Runs a query with the rights of the function's owner; an error gives them back with its transaction. */
static void
as_owner(FunctionCallInfo fcinfo, const char *sql, QueryArgs *args)
{
	Oid caller;
	int context;

	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(function_owner(fcinfo), context | SECURITY_LOCAL_USERID_CHANGE);
	query_call(sql, args, ignore_row, NULL);
	SetUserIdAndSecContext(caller, context);
}

/* Into the caller's memory: what the row lives in ends with the query. */
static void
keep_manifest(TupleTableSlot *slot, void *arg)
{
	Manifest *manifest = arg;
	bool isnull;
	Datum value = slot_getattr(slot, 1, &isnull);
	MemoryContext old = MemoryContextSwitchTo(manifest->context);

	if (!isnull)
		manifest->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	MemoryContextSwitchTo(old);
}

Datum
ledger_export_archive(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {TEXTOID, DATEOID, TEXTOID, TEXTOID, TEXTOID};
	Manifest manifest = {CurrentMemoryContext, 0};
	QueryArgs args = {0};
	QueryArgs month;
	QueryArgs written = {0};

	for (int i = 0; i < lengthof(types); i++)
		if (PG_ARGISNULL(i))
			query_arg_null(&args, types[i]);
		else
			query_arg(&args, types[i], PG_GETARG_DATUM(i));
	month = args;
	month.count = 2;
	query_open();
	as_owner(fcinfo, "SELECT acct._require_read_committed()", NULL);
	as_owner(fcinfo, "SELECT acct._hold_export($1, $2)", &month);
	query_call("SELECT acct._export_files($1, $2, $3, $4, $5)", &args, keep_manifest, &manifest);
	if (manifest.value == 0)
		elog(ERROR, "no manifest");
	query_arg(&written, JSONBOID, manifest.value);
	as_owner(fcinfo, "SELECT acct._record_export($1)", &written);
	query_close();
	PG_RETURN_DATUM(manifest.value);
}

/* A row (check_name, passed, expected, actual), which is a row of the result. */
static void
add_check(TupleTableSlot *slot, void *arg)
{
	Checks *checks = arg;

	slot_getallattrs(slot);
	checks->count++;
	if (slot->tts_isnull[1] || !DatumGetBool(slot->tts_values[1]))
		checks->failed++;
	tuplestore_putvalues(checks->result->setResult, checks->result->setDesc, slot->tts_values,
						 slot->tts_isnull);
}

Datum
ledger_verify_archive(PG_FUNCTION_ARGS)
{
	Checks checks = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	QueryArgs args = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		query_arg_null(&args, JSONBOID);
	else
		query_arg(&args, JSONBOID, PG_GETARG_DATUM(0));
	query_open();
	as_owner(fcinfo, "SELECT acct._require_read_committed()", NULL);
	query_call("SELECT * FROM acct._verify_files($1)", &args, add_check, &checks);
	if (checks.count > 0 && checks.failed == 0)
		as_owner(fcinfo, "SELECT acct._record_verified($1)", &args);
	query_close();
	return (Datum) 0;
}
