/*
 * query.c
 *		Queries row by row (see query.h): a DestReceiver that calls a function.
 */
#include "common/query.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"

typedef struct RowReceiver
{
	DestReceiver pub;
	QueryRow row;
	void *arg;
	const bool *enough; /* NULL: all rows are wanted */
} RowReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowReceiver *receiver = (RowReceiver *) self;

	receiver->row(slot, receiver->arg);
	return receiver->enough == NULL || !*receiver->enough;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receive_nothing(DestReceiver *self)
{
}

void
query_open(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
query_close(void)
{
	SPI_finish();
}

void
query_arg(QueryArgs *args, Oid type, Datum value)
{
	Assert(args->count < QUERY_MAX_ARGS);
	args->types[args->count] = type;
	args->values[args->count] = value;
	args->nulls[args->count++] = false;
}

void
query_arg_null(QueryArgs *args, Oid type)
{
	query_arg(args, type, (Datum) 0);
	args->nulls[args->count - 1] = true;
}

static ParamListInfo
make_params(const QueryArgs *args)
{
	ParamListInfo params;

	if (args == NULL || args->count == 0)
		return NULL;
	params = makeParamList(args->count);
	for (int i = 0; i < args->count; i++)
	{
		params->params[i].value = args->values[i];
		params->params[i].isnull = args->nulls[i];
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = args->types[i];
	}
	return params;
}

/* A plan that the session keeps, by the address of its query. */
typedef struct KeptPlan
{
	const char *sql; /* hash key */
	SPIPlanPtr plan;
} KeptPlan;

static SPIPlanPtr
prepare(const char *sql, const QueryArgs *args)
{
	/* SPI_prepare, unlike SPI_execute, does not ask for a parallel plan. */
	SPIPlanPtr plan = SPI_prepare(sql, args ? args->count : 0, args ? (Oid *) args->types : NULL);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

static SPIPlanPtr
kept_plan(const char *sql, const QueryArgs *args)
{
	static HTAB *kept = NULL;
	KeptPlan *entry;
	SPIPlanPtr plan;

	if (kept == NULL)
	{
		HASHCTL info = {.keysize = sizeof(const char *), .entrysize = sizeof(KeptPlan)};

		kept = hash_create("kept plans", 32, &info, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(kept, &sql, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->plan;
	plan = prepare(sql, args);
	entry = hash_search(kept, &sql, HASH_ENTER, NULL);
	entry->plan = plan;
	SPI_keepplan(plan);
	return plan;
}

static void
execute_plan(SPIPlanPtr plan, const QueryArgs *args, bool read_only, DestReceiver *dest)
{
	SPIExecuteOptions options = {0};
	int rc;

	options.params = make_params(args);
	options.dest = dest;
	/* With workers beside it a process only reads, and begins no new command. */
	options.read_only = read_only || IsInParallelMode();
	rc = SPI_execute_plan_extended(plan, &options);
	if (rc < 0)
		elog(ERROR, "query failed: %s", SPI_result_code_string(rc));
}

static void
execute(const char *sql, QueryArgs *args, bool read_only, DestReceiver *dest)
{
	MemoryContext caller = CurrentMemoryContext;
	SPIPlanPtr plan = prepare(sql, args);

	execute_plan(plan, args, read_only, dest);
	SPI_freeplan(plan);
	/* SPI leaves its own, which is gone after query_close(). */
	MemoryContextSwitchTo(caller);
}

static RowReceiver
receiver_of(QueryRow row, void *arg)
{
	RowReceiver receiver = {
		.pub = {receive_row, receive_startup, receive_nothing, receive_nothing, DestNone},
		.row = row,
		.arg = arg};

	return receiver;
}

static void
hand_over(const char *sql, QueryArgs *args, bool read_only, QueryRow row, void *arg)
{
	RowReceiver receiver = receiver_of(row, arg);

	execute(sql, args, read_only, &receiver.pub);
}

void
query_each_row_kept(const char *sql, QueryArgs *args, QueryRow row, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	RowReceiver receiver = receiver_of(row, arg);

	Assert(ActiveSnapshotSet());
	execute_plan(kept_plan(sql, args), args, true, &receiver.pub);
	MemoryContextSwitchTo(caller);
}

void
query_each_row(const char *sql, QueryArgs *args, QueryRow row, void *arg)
{
	Assert(ActiveSnapshotSet());
	hand_over(sql, args, true, row, arg);
}

void
query_until(const char *sql, QueryArgs *args, QueryRow row, void *arg, const bool *enough)
{
	RowReceiver receiver = receiver_of(row, arg);

	Assert(ActiveSnapshotSet());
	receiver.enough = enough;
	execute(sql, args, true, &receiver.pub);
}

void
query_call(const char *sql, QueryArgs *args, QueryRow row, void *arg)
{
	hand_over(sql, args, false, row, arg);
}

uint64
query_change(const char *sql, QueryArgs *args)
{
	MemoryContext caller = CurrentMemoryContext;

	execute_plan(kept_plan(sql, args), args, false, NULL);
	MemoryContextSwitchTo(caller);
	return SPI_processed;
}

char *
query_text(TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column + 1, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

Code
query_code(TupleTableSlot *slot, int column)
{
	char *text = query_text(slot, column);

	if (text == NULL)
		elog(ERROR, "column %s is null",
			 NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column)->attname));
	return code_from_cstring(text);
}

Datum
query_value(TupleTableSlot *slot, int column, Datum fallback)
{
	bool isnull;
	Datum value = slot_getattr(slot, column + 1, &isnull);

	return isnull ? fallback : value;
}
