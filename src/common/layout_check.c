/*
 * layout_check.c
 *		acct._require_layout() (see layout_check.h).
 *
 * acct._inspect_layout() reads some hundred rows of the catalogs. Its result holds
 * for as long as none of them changes, and the server tells every session of
 * changes: of a table, its owner, its triggers and constraints by relation, of the
 * others by the cache of their catalog. So changes are counted, and the inspection
 * is repeated when there was one since the last. What install() noted in
 * engine_layout is no catalog: its row is looked at each time.
 *
 * When a session hears of a change, a new snapshot already shows it. The
 * inspection therefore takes one of its own, after the last change that was
 * counted: the caller's may be older.
 */
#include "common/layout_check.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

LEDGER_FUNCTION(ledger_require_layout);

/* A version of a row; none before the first look. */
typedef struct RowVersion
{
	TransactionId xmin;
	CommandId cmin;
	ItemPointerData tid;
} RowVersion;

static uint64 changes = 1;       /* of the catalogs, as far as this session was told */
static uint64 inspected_at = 0;  /* changes, when the layout was found to be right */
static RowVersion inspected_row; /* of engine_layout at that time */

static void
count_catalog_change(Datum arg, int cache, uint32 hash)
{
	changes++;
}

static void
count_relation_change(Datum arg, Oid relation)
{
	changes++;
}

void
layout_check_init(void)
{
	static const int caches[] = {AUTHOID, CONSTROID, NAMESPACEOID, PROCOID, RELOID};

	for (int i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], count_catalog_change, (Datum) 0);
	CacheRegisterRelcacheCallback(count_relation_change, (Datum) 0);
}

uint64
layout_changes(void)
{
	AcceptInvalidationMessages();
	return changes;
}

/* The row of engine_layout that a snapshot shows; false where there is no such table, or not one row. */
static bool
find_layout_row(Snapshot snapshot, RowVersion *row)
{
	Oid schema = get_namespace_oid("acct", true);
	Oid relation = OidIsValid(schema) ? get_relname_relid("engine_layout", schema) : InvalidOid;
	Relation rel;
	bool found = false;

	if (!OidIsValid(relation))
		return false;
	rel = table_open(relation, AccessShareLock);
	if (rel->rd_rel->relkind == RELKIND_RELATION)
	{
		TupleTableSlot *slot = table_slot_create(rel, NULL);
		TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

		if (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			bool isnull;

			row->xmin = DatumGetTransactionId(
				slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));
			row->cmin =
				DatumGetCommandId(slot_getsysattr(slot, MinCommandIdAttributeNumber, &isnull));
			row->tid = slot->tts_tid;
			found = !table_scan_getnextslot(scan, ForwardScanDirection, slot);
		}
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
	}
	table_close(rel, AccessShareLock);
	return found;
}

static bool
same_row(const RowVersion *a, const RowVersion *b)
{
	return a->xmin == b->xmin && a->cmin == b->cmin &&
		   ItemPointerEquals((ItemPointer) &a->tid, (ItemPointer) &b->tid);
}

/* Raises LE010 where something is wrong. Reads what the active snapshot shows. */
static void
inspect_layout(void)
{
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute("SELECT acct._inspect_layout()", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not inspect the layout");
	SPI_finish();
}

Datum
ledger_require_layout(PG_FUNCTION_ARGS)
{
	RowVersion row;
	uint64 now;

	/* A parallel operation has one snapshot, and nobody changes a catalog in it: nothing is learnt. */
	if (IsInParallelMode())
	{
		inspect_layout();
		PG_RETURN_VOID();
	}
	AcceptInvalidationMessages();
	now = changes;
	PushActiveSnapshot(GetLatestSnapshot());
	if (inspected_at != now || !find_layout_row(GetActiveSnapshot(), &row) ||
		!same_row(&row, &inspected_row))
	{
		inspected_at = 0;
		inspect_layout();
		if (find_layout_row(GetActiveSnapshot(), &inspected_row))
			inspected_at = now;
	}
	PopActiveSnapshot();
	PG_RETURN_VOID();
}
