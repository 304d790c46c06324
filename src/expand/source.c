/*
 * source.c
 *		Reads source rows (see source.h).
 */
#include "expand/source.h"

#include "common/columns.h"
#include "common/compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/tidbitmap.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/snapmgr.h"

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

static bool
is_code(const SourceColumns *columns, AttrNumber number)
{
	for (int i = 0; i < CODE_KEY_MAX; i++)
		if (columns->codes[i] == number)
			return true;
	return false;
}

/* Once the codes are known. */
static void
find_wide_columns(TupleDesc tupdesc, SourceColumns *columns)
{
	columns->nwide = 0;
	columns->wide = palloc(sizeof(AttrNumber) * tupdesc->natts);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attlen == -1 && !att->attisdropped && att->atttypid != NUMERICOID &&
			!is_code(columns, i + 1))
			columns->wide[columns->nwide++] = i + 1;
	}
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
	find_wide_columns(tupdesc, columns);
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

/* bigint = bigint, for which pg_operator.h has no name. */
#define INT8_EQUAL 410

/* The BRIN index on batch_id, and the number of its column there; NULL where there is none that is fit for it. */
static Relation
open_batch_index(Relation table, AttrNumber *column)
{
	AttrNumber batch_id =
		column_find(RelationGetDescr(table), RelationGetRelationName(table), "batch_id", INT8OID);
	List *oids = RelationGetIndexList(table);
	ListCell *lc;

	foreach(lc, oids)
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_rel->relam == BRIN_AM_OID && index->rd_index->indisvalid &&
			RelationGetIndexPredicate(index) == NIL)
			for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
				if (index->rd_index->indkey.values[i] == batch_id &&
					get_opfamily_member(index->rd_opfamily[i], INT8OID, INT8OID,
										BTEqualStrategyNumber) == INT8_EQUAL)
				{
					*column = i + 1;
					return index;
				}
		index_close(index, AccessShareLock);
	}
	return NULL;
}

static void
add_pages_of_batch(Relation index, AttrNumber column, Datum batch, TIDBitmap *pages)
{
	IndexScanDesc scan = begin_bitmap_scan(index, GetActiveSnapshot(), 1);
	ScanKeyData key;

	ScanKeyEntryInitialize(&key, 0, column, BTEqualStrategyNumber, INT8OID, InvalidOid, F_INT8EQ,
						   batch);
	index_rescan(scan, &key, 1, NULL, 0);
	(void) index_getbitmap(scan, pages);
	index_endscan(scan);
}

static void
mark_pages(TIDBitmap *pages, BlockNumber stretch, int64 nstretches, bool *wanted)
{
	BitmapPages *iterator = begin_bitmap_pages(pages);
	BlockNumber block;

	while (next_bitmap_page(iterator, &block))
		if (block / stretch < nstretches)
			wanted[block / stretch] = true;
	end_bitmap_pages(iterator);
}

void
source_mark_stretches(Oid table, Datum batches, BlockNumber stretch, int64 nstretches, bool *wanted)
{
	Relation rel = table_open(table, AccessShareLock);
	AttrNumber column = InvalidAttrNumber;
	Relation index = open_batch_index(rel, &column);
	TIDBitmap *pages;
	Datum *list;
	int count;

	memset(wanted, index == NULL, nstretches * sizeof(bool));
	if (index != NULL)
	{
		pages = tbm_create(work_mem * (Size) 1024, NULL);
		deconstruct_array(DatumGetArrayTypeP(batches), INT8OID, sizeof(int64), true,
						  TYPALIGN_DOUBLE, &list, NULL, &count);
		for (int i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			add_pages_of_batch(index, column, list[i], pages);
		}
		mark_pages(pages, stretch, nstretches, wanted);
		tbm_free(pages);
		index_close(index, AccessShareLock);
	}
	table_close(rel, NoLock);
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

/* What is stored elsewhere is not fetched to know its size. */
static inline const char *
find_oversize(const SourceColumns *columns, TupleTableSlot *slot)
{
	for (int i = 0; i < columns->nwide; i++)
	{
		AttrNumber number = columns->wide[i];
		Size limit = number == columns->policy_no ? MAX_POLICY_NO_SIZE : MAX_VALUE_SIZE;

		if (!slot->tts_isnull[number - 1] &&
			unlikely(toast_raw_datum_size(slot->tts_values[number - 1]) > limit + VARHDRSZ))
			return NameStr(TupleDescAttr(slot->tts_tupleDescriptor, number - 1)->attname);
	}
	return NULL;
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
	txn->oversize = find_oversize(columns, slot);
	txn->bad_date = !routing_accepts_date(routing, txn->value_date);
	for (int i = 0; i < CODE_KEY_MAX; i++)
	{
		require_value(slot, columns->codes[i]);
		codes[i] = code_from_datum(slot->tts_values[columns->codes[i] - 1]);
	}
	/* Not the row's own month, which is another one where rows are made up (trial.c). */
	txn->route =
		routing_find(routing, codes, txn->bad_date ? routing_month(routing) : txn->value_date);
}
