/*
 * batch.c
 *		A load transaction is a batch: acct.current_batch().
 *
 * The default of txn_source_parent.batch_id calls it for each row, so the
 * batch_id is kept here for the rest of the transaction. It is kept with the
 * subtransaction that registered it: rolled back, the registered row is gone
 * and must be made again; released, it belongs to the parent.
 *
 * The row is inserted as the owner of txn_batch, as the server itself does for
 * foreign keys: a SECURITY DEFINER function would cost more than the row.
 */
#include "ledger_engine.h"

#include "batch.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "access/table.h"

PG_FUNCTION_INFO_V1(current_batch);

char *batch_source = NULL;

static int64 cached_batch = 0; /* 0: none in this transaction */
static SubTransactionId cached_in = InvalidSubTransactionId;

static void
forget_batch(XactEvent event, void *arg)
{
	cached_batch = 0;
}

static void
follow_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (cached_batch == 0 || cached_in != mine)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		cached_batch = 0;
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		cached_in = parent;
}

void
batch_init(void)
{
	RegisterXactCallback(forget_batch, NULL);
	RegisterSubXactCallback(follow_subtransaction, NULL);
}

static Oid
owner_of(Oid relation)
{
	Relation rel = table_open(relation, AccessShareLock);
	Oid owner = rel->rd_rel->relowner;

	table_close(rel, AccessShareLock);
	return owner;
}

static int64
register_batch(void)
{
	const char *source = batch_source;
	Oid types[2] = {TEXTOID, TEXTOID};
	Datum values[2];
	Oid user;
	int context;
	bool isnull;
	int64 batch;

	if (source == NULL || source[0] == '\0')
		source = application_name ? application_name : "";
	values[0] = CStringGetTextDatum(source);
	values[1] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of(ledger_engine_table("txn_batch")),
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(
			"INSERT INTO acct.txn_batch (source, loaded_by) VALUES ($1, $2) RETURNING batch_id", 2,
			types, values, NULL, false, 1) != SPI_OK_INSERT_RETURNING ||
		SPI_processed != 1)
		elog(ERROR, "could not register a batch");
	batch = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return batch;
}

Datum
current_batch(PG_FUNCTION_ARGS)
{
	if (cached_batch == 0)
	{
		int64 batch = register_batch();

		cached_batch = batch;
		cached_in = GetCurrentSubTransactionId();
	}
	PG_RETURN_INT64(cached_batch);
}
