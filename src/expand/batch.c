/*
 * batch.c
 *		A load transaction is a batch: acct.current_batch(), and the CHECK that
 *		rows are in no other. What the CHECK lets in waits for a run.
 *
 * The default of txn_source_parent.batch_id calls current_batch() for each row,
 * so the batch_id is kept here for the rest of the transaction. It is a value
 * of a sequence and nothing more: planning may call a STABLE function, too. The
 * batch's row in txn_batch is written when the table's CHECK meets the first
 * row of the batch, which is the one place that sees a row about to be stored
 * by whatever command (a BEFORE INSERT trigger would make COPY insert row by
 * row). With its first row of a month a batch comes into batch_waiting, where
 * runs of that month find it without looking at the source.
 *
 * A superuser can store rows in other batches, as restoring a dump and logical
 * replication do. Of such rows the CHECK notes the month only, in source_check:
 * the next run of it looks at the source. A note that is there already is
 * locked, so that whoever has looked cannot remove it, for they cannot have seen
 * these rows. A snapshot that is kept would find notes that are gone: there each
 * transaction writes its own.
 *
 * All of this belongs to the subtransaction in which it came to be: rolled back,
 * the number is forgotten, and the rows must be written again; released, it
 * belongs to the parent.
 *
 * The server checks a constraint on UPDATE as well. What a row's batch and month
 * were before, the trigger on UPDATE says, which comes right before
 * (note_update()).
 *
 * Rows are inserted as the owner of txn_batch, as the server itself does for
 * foreign keys: a SECURITY DEFINER function would cost more than the row. Plans
 * are kept for the session.
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
#include "utils/memutils.h"
#include "utils/rel.h"

LEDGER_FUNCTION(ledger_current_batch);
LEDGER_FUNCTION(ledger_end_batch);
LEDGER_FUNCTION(ledger_is_own_batch);
LEDGER_FUNCTION(ledger_note_update);

#define OWN_BATCH_CHECK "chk_own_batch"

/* Months that something was written about in this transaction. */
typedef struct
{
	DateADT month;
	SubTransactionId written_in;
} MonthEntry;

typedef struct
{
	MonthEntry *entries; /* in TopTransactionContext */
	int count;
	int size;
	int latest; /* the entry that was asked for last, of those that there are */
} MonthSet;

/* The batch of this transaction. */
static struct
{
	int64 id; /* 0: none */
	SubTransactionId numbered_in;
	SubTransactionId registered_in; /* InvalidSubTransactionId: txn_batch does not have it */
} own;

static MonthSet own_months;   /* in which the own batch waits */
static MonthSet noted_months; /* of which rows of other batches were noted */

/* The row that an UPDATE is about to store, as its trigger saw it. */
static struct
{
	bool noted;
	bool moves;     /* from another batch */
	bool new_month; /* from another month */
	int64 txn_id;
	DateADT txn_month;
	int64 batch;
} update;

/* What is written for batches. Names are qualified, for the search path is the session's. */
typedef struct
{
	const char *text;
	int nargs;
	Oid types[4];
	SPIPlanPtr plan; /* kept; NULL: not yet made */
} Command;

static Command take_number = {
	"SELECT pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('acct.txn_batch', 'batch_id'))"};

static Command add_batch = {
	"INSERT INTO acct.txn_batch (batch_id, source, loaded_by) VALUES ($1, $2, $3)",
	3,
	{INT8OID, TEXTOID, TEXTOID}};

static Command add_batch_and_month = {
	"WITH b AS (INSERT INTO acct.txn_batch (batch_id, source, loaded_by) VALUES ($1, $2, $3)) "
	"INSERT INTO acct.batch_waiting (txn_month, batch_id) VALUES ($4, $1) ON CONFLICT DO NOTHING",
	4,
	{INT8OID, TEXTOID, TEXTOID, DATEOID}};

static Command add_month = {
	"INSERT INTO acct.batch_waiting (txn_month, batch_id) VALUES ($2, $1) ON CONFLICT DO NOTHING",
	2,
	{INT8OID, DATEOID}};

static Command add_note = {
	"WITH n AS MATERIALIZED (SELECT FROM acct.source_check AS c"
	" WHERE c.txn_month OPERATOR(pg_catalog.=) $1 LIMIT 1 FOR KEY SHARE SKIP LOCKED) "
	"INSERT INTO acct.source_check (txn_month) SELECT $1 WHERE NOT EXISTS (SELECT FROM n)",
	1,
	{DATEOID}};

static Command add_own_note = {"INSERT INTO acct.source_check (txn_month) VALUES ($1)",
							   1,
							   {DATEOID}};

static bool
has_month(MonthSet *set, DateADT month)
{
	if (set->count == 0)
		return false;
	if (set->entries[set->latest].month == month)
		return true;
	for (int i = 0; i < set->count; i++)
		if (set->entries[i].month == month)
		{
			set->latest = i;
			return true;
		}
	return false;
}

static void
put_month(MonthSet *set, DateADT month)
{
	Assert(!has_month(set, month));
	if (set->entries == NULL)
	{
		set->size = 4;
		set->entries = MemoryContextAlloc(TopTransactionContext, set->size * sizeof(MonthEntry));
	}
	else if (set->count == set->size)
	{
		set->entries = repalloc(set->entries, 2 * set->size * sizeof(MonthEntry));
		set->size *= 2;
	}
	set->latest = set->count++;
	set->entries[set->latest].month = month;
	set->entries[set->latest].written_in = GetCurrentSubTransactionId();
}

/* Entries of a subtransaction that ends become its parent's, or go with it (InvalidSubTransactionId). */
static void
hand_over_months(MonthSet *set, SubTransactionId mine, SubTransactionId parent)
{
	int kept = 0;

	for (int i = 0; i < set->count; i++)
	{
		MonthEntry entry = set->entries[i];

		if (entry.written_in == mine)
			entry.written_in = parent;
		if (entry.written_in != InvalidSubTransactionId)
			set->entries[kept++] = entry;
	}
	set->count = kept;
	set->latest = 0;
}

static void
forget_own(void)
{
	memset(&own, 0, sizeof(own));
	own_months.count = 0;
}

static void
forget_batch(XactEvent event, void *arg)
{
	forget_own();
	memset(&own_months, 0, sizeof(own_months));
	memset(&noted_months, 0, sizeof(noted_months));
	update.noted = false;
}

static void
follow_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		update.noted = false;
		hand_over_months(&own_months, mine, InvalidSubTransactionId);
		hand_over_months(&noted_months, mine, InvalidSubTransactionId);
		if (own.registered_in == mine)
			own.registered_in = InvalidSubTransactionId;
		if (own.numbered_in == mine)
			forget_own();
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		hand_over_months(&own_months, mine, parent);
		hand_over_months(&noted_months, mine, parent);
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

/* Runs a command as the owner of txn_batch; the number that it returns, if it returns one. */
static int64
execute_as_owner(Command *command, Datum *values)
{
	Oid user;
	int context;
	bool isnull;
	int64 number = 0;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of(ledger_engine_table("txn_batch")),
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (command->plan == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(command->text, command->nargs, command->types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare to register a batch");
		command->plan = plan;
	}
	if (SPI_execute_plan(command->plan, values, NULL, false, 0) < 0)
		elog(ERROR, "could not register a batch");
	if (SPI_tuptable != NULL && SPI_processed == 1)
		number =
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return number;
}

/* Writes the own batch to txn_batch, and that it waits in a month (NULL: it is not known in which). */
static void
register_batch(const DateADT *month)
{
	const char *source = batch_source;
	Datum values[4];

	if (source == NULL || source[0] == '\0')
		source = application_name ? application_name : "";
	values[0] = Int64GetDatum(own.id);
	values[1] = CStringGetTextDatum(source);
	values[2] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	values[3] = month == NULL ? (Datum) 0 : DateADTGetDatum(*month);
	(void) execute_as_owner(month == NULL ? &add_batch : &add_batch_and_month, values);
	own.registered_in = GetCurrentSubTransactionId();
	if (month != NULL)
		put_month(&own_months, *month);
}

/* The own batch is about to have a row in a month. */
static void
enter_month(DateADT month)
{
	Datum values[2] = {Int64GetDatum(own.id), DateADTGetDatum(month)};

	if (own.registered_in == InvalidSubTransactionId)
		register_batch(&month);
	else if (!has_month(&own_months, month))
	{
		(void) execute_as_owner(&add_month, values);
		put_month(&own_months, month);
	}
}

/* A row that is not known to be in a batch that waits is about to be stored. */
static void
note_month(DateADT month)
{
	Datum value = DateADTGetDatum(month);

	if (has_month(&noted_months, month))
		return;
	/* Until install() has been called nothing is known of any month. */
	if (OidIsValid(get_relname_relid("source_check", ledger_engine_schema())))
		(void) execute_as_owner(IsolationUsesXactSnapshot() ? &add_own_note : &add_note, &value);
	put_month(&noted_months, month);
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
		own.id = execute_as_owner(&take_number, NULL);
		own.numbered_in = GetCurrentSubTransactionId();
		if (!rows_are_checked())
			register_batch(NULL);
	}
	PG_RETURN_INT64(own.id);
}

/* A run has taken this batch: where it is the transaction's own, what follows is another one. */
Datum
ledger_end_batch(PG_FUNCTION_ARGS)
{
	if (PG_GETARG_INT64(0) == own.id)
		forget_own();
	PG_RETURN_VOID();
}

/* Of the row that is being updated, before it is checked: its key, its batch, and whether batch and month are others than they were. */
Datum
ledger_note_update(PG_FUNCTION_ARGS)
{
	update.noted = true;
	update.txn_id = PG_GETARG_INT64(0);
	update.txn_month = PG_GETARG_DATEADT(1);
	update.batch = PG_GETARG_INT64(2);
	update.moves = PG_GETARG_BOOL(3);
	update.new_month = PG_GETARG_BOOL(4);
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

/*
 * True for a row that may be stored with this batch_id. Where it is the first one
 * of its batch, or of the batch in its month, the batch waits there from now on.
 */
Datum
ledger_is_own_batch(PG_FUNCTION_ARGS)
{
	int64 batch = PG_GETARG_INT64(0);
	int64 txn_id = PG_GETARG_INT64(1);
	DateADT month = PG_GETARG_DATEADT(2);
	bool is_update = take_note(batch, txn_id, month);
	bool is_own = own.id != 0 && batch == own.id;
	bool is_foreign = is_update ? update.moves : !is_own;

	if (is_foreign && !superuser())
		refuse_batch(batch, txn_id, is_update);
	if (is_own)
		enter_month(month);
	else if (is_foreign)
		note_month(month);
	else if (update.new_month)
	{
		Datum values[2] = {Int64GetDatum(batch), DateADTGetDatum(month)};

		/* Its trigger has locked the batch, which no run holds. */
		(void) execute_as_owner(&add_month, values);
	}
	PG_RETURN_BOOL(true);
}
