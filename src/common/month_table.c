/*
 * month_table.c
 *		acct._named_partition() and acct._lock_if_free(): what runs ask for many
 *		times, and would find by queries.
 *
 * Both read the catalogs as they are now, whatever the transaction's snapshot shows.
 */
#include "common/ledger_engine.h"

#include "common/layout_check.h"
#include "common/month.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "storage/lmgr.h"
#include "storage/lockdefs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

LEDGER_FUNCTION(ledger_lock_if_free);
LEDGER_FUNCTION(ledger_named_partition);

#define PARENT_SUFFIX "_parent"

/* The name that the engine gives the partition of a month, in its schema; InvalidOid where nothing has it. */
static Oid
find_by_name(Oid parent, DateADT month)
{
	char *name = get_rel_name(parent);
	size_t length = name != NULL ? strlen(name) : 0;
	int year;
	int number;
	int day;

	if (length == 0)
		return InvalidOid;
	if (length > strlen(PARENT_SUFFIX) &&
		strcmp(name + length - strlen(PARENT_SUFFIX), PARENT_SUFFIX) == 0)
		length -= strlen(PARENT_SUFFIX);
	j2date(month + POSTGRES_EPOCH_JDATE, &year, &number, &day);
	if (year < 1)
		return InvalidOid;
	return get_relname_relid(psprintf("%.*s_%04d_%02d", (int) length, name, year, number),
							 ledger_engine_schema());
}

/* Is this one bound of a partition, on one column, that date? */
static bool
bound_is(List *bound, DateADT date)
{
	PartitionRangeDatum *datum;
	Const *value;

	if (list_length(bound) != 1)
		return false;
	datum = castNode(PartitionRangeDatum, linitial(bound));
	if (datum->kind != PARTITION_RANGE_DATUM_VALUE)
		return false;
	value = castNode(Const, datum->value);
	return value->consttype == DATEOID && !value->constisnull &&
		   DatumGetDateADT(value->constvalue) == date;
}

/* Is a table a partition for exactly this month? */
static bool
holds_month(Oid relation, DateADT month)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	if (((Form_pg_class) GETSTRUCT(tuple))->relispartition)
	{
		bool isnull;
		Datum stored = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);

		if (!isnull)
		{
			PartitionBoundSpec *bound =
				castNode(PartitionBoundSpec, stringToNode(TextDatumGetCString(stored)));

			result = bound->strategy == PARTITION_STRATEGY_RANGE && !bound->is_default &&
					 bound_is(bound->lowerdatums, month) &&
					 bound_is(bound->upperdatums, month_after(month, 1));
		}
	}
	ReleaseSysCache(tuple);
	return result;
}

/* The partition of a month that has the engine's name for it and is attached; NULL where it has another, or there is none. */
static Oid
find_partition(Oid parent, DateADT month)
{
	Oid found = find_by_name(parent, month);

	if (!OidIsValid(found) || !holds_month(found, month) || PartitionHasPendingDetach(found) ||
		get_partition_parent(found, false) != parent)
		return InvalidOid;
	return found;
}

/* What was found, until a catalog changes. */
typedef struct FoundPartition
{
	uint64 changes; /* 0: nothing */
	Oid parent;
	DateADT month;
	Oid partition;
} FoundPartition;

#define FOUND_KEPT 32

Datum
ledger_named_partition(PG_FUNCTION_ARGS)
{
	static FoundPartition kept[FOUND_KEPT];
	Oid parent = PG_GETARG_OID(0);
	DateADT month = PG_GETARG_DATEADT(1);
	uint64 changes = layout_changes();
	FoundPartition *found = &kept[(parent + (uint32) month) % FOUND_KEPT];

	if (DATE_NOT_FINITE(month))
		PG_RETURN_NULL();
	if (found->changes != changes || found->parent != parent || found->month != month)
	{
		Oid partition = find_partition(parent, month);

		*found = (FoundPartition){changes, parent, month, partition};
	}
	if (!OidIsValid(found->partition))
		PG_RETURN_NULL();
	PG_RETURN_OID(found->partition);
}

static LOCKMODE
lock_mode(const char *name)
{
	static const struct
	{
		const char *name;
		LOCKMODE mode;
	} modes[] = {{"ACCESS SHARE", AccessShareLock},
				 {"ROW SHARE", RowShareLock},
				 {"ROW EXCLUSIVE", RowExclusiveLock}};

	for (int i = 0; i < lengthof(modes); i++)
		if (strcmp(name, modes[i].name) == 0)
			return modes[i].mode;
	return NoLock;
}

/* Locks a table where that needs no wait. One that was dropped meanwhile is for the caller to find. */
static bool
lock_now(Oid relation, LOCKMODE mode)
{
	return ConditionalLockRelationOid(relation, mode) &&
		   SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation));
}

/*
 * Locks tables, with or without their partitions, in a mode that readers and writers
 * use, to the end of the transaction; false, with some of them perhaps locked, where
 * one of them cannot be had at once, or in another mode.
 */
Datum
ledger_lock_if_free(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	LOCKMODE mode = lock_mode(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	bool with_partitions = PG_GETARG_BOOL(2);
	Datum *tables;
	bool *nulls;
	int count;

	if (mode == NoLock)
		PG_RETURN_BOOL(false);
	deconstruct_array(array, REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &tables, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		ListCell *lc;

		if (nulls[i] || !lock_now(DatumGetObjectId(tables[i]), mode))
			PG_RETURN_BOOL(false);
		if (!with_partitions || !has_subclass(DatumGetObjectId(tables[i])))
			continue;
		foreach(lc, find_all_inheritors(DatumGetObjectId(tables[i]), NoLock, NULL))
			if (!lock_now(lfirst_oid(lc), mode))
				PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
