/*
 * source.c
 *		Reads source rows (see source.h).
 */
#include "source.h"

#include "columns.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"

static const char *const route_columns[CODE_KEY_MAX] = {"entity_code", "txn_type", "product_code",
														"channel", "currency"};

/* A column that is never null. */
static AttrNumber
find_column(Relation source, const char *name, Oid type)
{
	TupleDesc tupdesc = RelationGetDescr(source);
	AttrNumber number = column_find(tupdesc, RelationGetRelationName(source), name, type);

	if (!TupleDescAttr(tupdesc, number - 1)->attnotnull)
		ereport(ERROR,
				(errcode(ERRCODE_LE_BAD_LAYOUT),
				 errmsg("column %s of table %s may be null", name, RelationGetRelationName(source)),
				 errhint("ALTER TABLE acct.%s ALTER COLUMN %s SET NOT NULL;",
						 RelationGetRelationName(source), name)));
	return number;
}

void
source_find_columns(Relation source, SourceColumns *columns)
{
	TupleDesc tupdesc = RelationGetDescr(source);

	columns->txn_id = find_column(source, "txn_id", INT8OID);
	columns->txn_month = find_column(source, "txn_month", DATEOID);
	columns->value_date = find_column(source, "bank_value_date", DATEOID);
	columns->policy_no =
		column_find(tupdesc, RelationGetRelationName(source), "policy_no", TEXTOID);
	for (int i = 0; i < CODE_KEY_MAX; i++)
		columns->codes[i] = find_column(source, route_columns[i], TEXTOID);
	columns->partition = tupdesc->natts + 1;
}

char *
source_select_list(Relation source)
{
	TupleDesc tupdesc = RelationGetDescr(source);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped)
			appendStringInfoString(&list, "NULL::integer, ");
		else
			appendStringInfo(&list, "s.%s, ", quote_identifier(NameStr(att->attname)));
	}
	appendStringInfoString(&list, "s.tableoid");
	return list.data;
}

/* The partition of a month; InvalidOid where there is none. */
static Oid
find_partition(Relation source, DateADT month)
{
	PartitionKey key = RelationGetPartitionKey(source);
	PartitionDesc partitions = RelationGetPartitionDesc(source, true);
	Datum value = DateADTGetDatum(month);
	int index = -1;
	bool equal;

	if (partitions->nparts == 0 || key->strategy != PARTITION_STRATEGY_RANGE)
		return InvalidOid;
	index = partitions->boundinfo
				->indexes[partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
														partitions->boundinfo, 1, &value, &equal) +
						  1];
	if (index < 0)
		index = partitions->boundinfo->default_index;
	return index < 0 ? InvalidOid : partitions->oids[index];
}

List *
source_leaves(Relation source, DateADT month)
{
	Oid partition = find_partition(source, month);
	List *leaves = NIL;
	ListCell *lc;

	if (!OidIsValid(partition))
		return NIL;
	LockRelationOid(partition, AccessShareLock); /* find_all_inheritors() locks what is below it */
	foreach(lc, find_all_inheritors(partition, AccessShareLock, NULL))
	{
		char kind = get_rel_relkind(lfirst_oid(lc));

		if (kind == RELKIND_RELATION)
			leaves = lappend_oid(leaves, lfirst_oid(lc));
		else if (kind != RELKIND_PARTITIONED_TABLE)
			return NIL;
	}
	return leaves;
}

/* Rows that are older than a NOT NULL that was not validated may be null all the same. */
static inline void
require_value(TupleTableSlot *slot, AttrNumber column)
{
	if (unlikely(slot->tts_isnull[column - 1]))
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("a transaction has a null in column %s",
						NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column - 1)->attname))));
}

void
source_read(const SourceColumns *columns, Routing *routing, TupleTableSlot *slot, Transaction *txn)
{
	Code codes[CODE_KEY_MAX];

	slot_getallattrs(slot);
	require_value(slot, columns->txn_id);
	require_value(slot, columns->value_date);
	txn->slot = slot;
	txn->partition = DatumGetObjectId(slot->tts_values[columns->partition - 1]);
	txn->txn_id = DatumGetInt64(slot->tts_values[columns->txn_id - 1]);
	txn->txn_month = DatumGetDateADT(slot->tts_values[columns->txn_month - 1]);
	txn->value_date = DatumGetDateADT(slot->tts_values[columns->value_date - 1]);
	txn->policy_no = slot->tts_values[columns->policy_no - 1];
	txn->policy_no_is_null = slot->tts_isnull[columns->policy_no - 1];
	txn->bad_date = !routing_accepts_date(routing, txn->value_date);
	for (int i = 0; i < CODE_KEY_MAX; i++)
	{
		require_value(slot, columns->codes[i]);
		codes[i] = code_from_datum(slot->tts_values[columns->codes[i] - 1]);
	}
	txn->route = routing_find(routing, codes, txn->bad_date ? txn->txn_month : txn->value_date);
}
