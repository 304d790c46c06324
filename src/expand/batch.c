/*
 * batch.c
 *		A load transaction is a batch: acct.current_batch(), and the CHECK that
 *		rows are in no other.
 *
 * The default of txn_source_parent.batch_id calls current_batch() for each row,
 * so the batch_id is kept here for the rest of the transaction. It is a value
 * of a sequence and nothing more: planning may call a STABLE function, too. The
 * batch's row in txn_batch is written when the table's CHECK meets the first
 * row of the batch, which is the one place that sees a row about to be stored
 * by whatever command (a BEFORE INSERT trigger would make COPY insert row by
 * row).
 *
 * Both belong to the subtransaction in which they came to be: rolled back, the
 * number is forgotten, and the row must be written again; released, they belong
 * to the parent.
 *
 * The server checks a constraint on UPDATE as well. What a row's batch was
 * before, the trigger on UPDATE says, which comes right before (note_update()).
 *
 * The row is inserted as the owner of txn_batch, as the server itself does for
 * foreign keys: a SECURITY DEFINER function would cost more than the row.
 */
#include "expand/batch.h"

#include "common/settings.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

LEDGER_FUNCTION(ledger_current_batch);
LEDGER_FUNCTION(ledger_end_batch);
LEDGER_FUNCTION(ledger_is_own_batch);
LEDGER_FUNCTION(ledger_note_update);

#define OWN_BATCH_CHECK "chk_own_batch"

/* The batch of this transaction. */
static struct
{
	int64 id; /* 0: none */
	SubTransactionId numbered_in;
	SubTransactionId registered_in; /* InvalidSubTransactionId: txn_batch does not have it */
} own;

/* The row that an UPDATE is about to store, as its trigger saw it. */
static struct
{
	bool noted;
	bool moves; /* from another batch */
	int64 txn_id;
	DateADT txn_month;
	int64 batch;
} update;

static void
forget_batch(XactEvent event, void *arg)
{
	memset(&own, 0, sizeof(own));
	update.noted = false;
}

static void
follow_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		update.noted = false;
		if (own.registered_in == mine)
			own.registered_in = InvalidSubTransactionId;
		if (own.numbered_in == mine)
			memset(&own, 0, sizeof(own));
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		if (own.registered_in == mine)
			own.registered_in = parent;
		if (own.numbered_in == mine)
			own.numbered_in = parent;
	}
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

/* Runs a command as the owner of txn_batch; the number that it returns. */
static int64
execute_as_owner(const char *command, int nargs, Oid *types, Datum *values)
{
	Oid user;
	int context;
	bool isnull;
	int64 number;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of(ledger_engine_table("txn_batch")),
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(command, nargs, types, values, NULL, false, 1) < 0 ||
		SPI_processed != 1)
		elog(ERROR, "could not register a batch");
	number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return number;
}

static void
register_batch(void)
{
	const char *source = batch_source;
	Oid types[3] = {INT8OID, TEXTOID, TEXTOID};
	Datum values[3];

	if (source == NULL || source[0] == '\0')
		source = application_name ? application_name : "";
	values[0] = Int64GetDatum(own.id);
	values[1] = CStringGetTextDatum(source);
	values[2] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	(void) execute_as_owner("INSERT INTO acct.txn_batch (batch_id, source, loaded_by) "
							"VALUES ($1, $2, $3) RETURNING batch_id",
							3, types, values);
	own.registered_in = GetCurrentSubTransactionId();
}

/* Has the source table the CHECK? Until install() has been called after an update it may not. */
static bool
rows_are_checked(void)
{
	Relation rel = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	bool found = false;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		if (strcmp(constr->check[i].ccname, OWN_BATCH_CHECK) == 0)
			found = true;
	table_close(rel, AccessShareLock);
	return found;
}

Datum
ledger_current_batch(PG_FUNCTION_ARGS)
{
	if (own.id == 0)
	{
		/* What cannot load has no batch; to take a number would be an error. */
		if (XactReadOnly || RecoveryInProgress())
			PG_RETURN_NULL();
		own.id = execute_as_owner("SELECT pg_catalog.nextval(pg_catalog.pg_get_serial_sequence("
								  "'acct.txn_batch', 'batch_id'))",
								  0, NULL, NULL);
		own.numbered_in = GetCurrentSubTransactionId();
		if (!rows_are_checked())
			register_batch();
	}
	PG_RETURN_INT64(own.id);
}

/* A run has taken this batch: where it is the transaction's own, what follows is another one. */
Datum
ledger_end_batch(PG_FUNCTION_ARGS)
{
	if (PG_GETARG_INT64(0) == own.id)
		memset(&own, 0, sizeof(own));
	PG_RETURN_VOID();
}

/* Of the row that is being updated, before it is checked: its key, its batch, and whether that is another than it was. */
Datum
ledger_note_update(PG_FUNCTION_ARGS)
{
	update.noted = true;
	update.txn_id = PG_GETARG_INT64(0);
	update.txn_month = PG_GETARG_DATEADT(1);
	update.batch = PG_GETARG_INT64(2);
	update.moves = PG_GETARG_BOOL(3);
	PG_RETURN_VOID();
}

/* Is this the row of the UPDATE that was noted? It is asked once. */
static bool
take_note(int64 batch, int64 txn_id, DateADT txn_month)
{
	if (!update.noted || update.batch != batch || update.txn_id != txn_id ||
		update.txn_month != txn_month)
		return false;
	update.noted = false;
	return true;
}

static void
refuse_batch(int64 batch, int64 txn_id, bool is_update)
{
	if (is_update)
		ereport(ERROR,
				(errcode(ERRCODE_LE_BATCH_TAKEN),
				 errmsg("batch_id of transaction " INT64_FORMAT " cannot be changed", txn_id),
				 errdetail("The transaction was to be moved to batch " INT64_FORMAT ".", batch),
				 errhint("Delete the row, and load it again without batch_id.")));
	ereport(ERROR,
			(errcode(ERRCODE_LE_BATCH_TAKEN),
			 errmsg("batch " INT64_FORMAT " is not the batch of this database transaction", batch),
			 errdetail("Transaction " INT64_FORMAT " was to be loaded into it.", txn_id),
			 errhint("Leave column batch_id out: its default is acct.current_batch(). To correct "
					 "an earlier load, load correcting transactions.")));
}

/* True for a row that may be stored with this batch_id; the first one of a batch registers it. */
Datum
ledger_is_own_batch(PG_FUNCTION_ARGS)
{
	int64 batch = PG_GETARG_INT64(0);
	int64 txn_id = PG_GETARG_INT64(1);
	bool is_update = take_note(batch, txn_id, PG_GETARG_DATEADT(2));
	bool is_own = own.id != 0 && batch == own.id;

	if ((is_update ? update.moves : !is_own) && !superuser())
		refuse_batch(batch, txn_id, is_update);
	if (is_own && own.registered_in == InvalidSubTransactionId)
		register_batch();
	PG_RETURN_BOOL(true);
}
