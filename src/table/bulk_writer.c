/*
 * bulk_writer.c
 *		Looks at a table that is to be written in bulk, and chooses where its rows
 *		go (see bulk_writer.h).
 */
#include "table/bulk_writer.h"

#include "common/citus.h"
#include "common/columns.h"
#include "common/crash_point.h"
#include "common/settings.h"
#include "table/heap_writer.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "rewrite/prs2lock.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

struct BulkWriter
{
	Relation rel;
	BulkSink sink;
	HeapWriter *heap;                /* BULK_TO_HEAP */
	PageFile *file;                  /* BULK_TO_PAGES */
	PageExtent extent;               /* of it, being filled */
	SharedTuplestoreAccessor *spool; /* BULK_TO_SPOOL */
	IndexBuilds *index_builds;       /* that the indexes are left to; NULL: none */
	MemoryContext context;           /* of the writer itself */
	MemoryContext row_context;       /* of a row that is formed here */
};

/* What to do, with the table's name. */
#define HINT_COMPUTED \
	"Drop the column of %s, or of the table that it is a partition of, and compute it in a view."
#define HINT_NOT_NULL     "ALTER TABLE %s ... DROP NOT NULL, or add columns with acct.add_dimension()."
#define HINT_DEFAULT      "ALTER TABLE %s ... DROP DEFAULT, or DROP IDENTITY."
#define HINT_ROW_SECURITY "ALTER TABLE %s DISABLE ROW LEVEL SECURITY."
#define HINT_RULES        "Drop the rules of %s."
#define HINT_TRIGGERS     "Drop the triggers and foreign keys of %s."
#define HINT_ACCESS_METHOD \
	"ALTER TABLE %s SET ACCESS METHOD heap, or replace it by an ordinary table."
#define HINT_UNLOGGED  "ALTER TABLE %s SET LOGGED."
#define HINT_EXCLUSION "Drop the exclusion constraints of %s."
#define HINT_CITUS \
	"SELECT undistribute_table('acct.%s'); each node of Citus has a complete ledger of its own."

#define refuse_table(rel, hint, ...)                                                         \
	ereport(ERROR, (errcode(ERRCODE_LE_UNSUPPORTED_TABLE), errmsg(__VA_ARGS__),              \
					errdetail("Table %s is written in bulk.", RelationGetRelationName(rel)), \
					errhint(hint, RelationGetRelationName(rel))))

static void
check_columns(Relation rel, const BulkWriterOptions *options)
{
	TupleDesc tupdesc = RelationGetDescr(rel);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && att->attgenerated != '\0')
			refuse_table(rel, HINT_COMPUTED, "generated columns are not supported here");
		if (att->attisdropped || column_name_in(NameStr(att->attname), options->filled) ||
			bms_is_member(att->attnum, options->also_filled))
			continue;
		if (att->attnotnull)
			refuse_table(rel, HINT_NOT_NULL, "column %s is NOT NULL and nothing fills it",
						 NameStr(att->attname));
		if (att->atthasdef || att->attidentity)
			refuse_table(rel, HINT_DEFAULT,
						 "column %s has a default, which bulk writing does not compute",
						 NameStr(att->attname));
	}
}

static void
check_actions(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	/* Rows that are written here past Citus would never be seen. */
	if (citus_manages(RelationGetRelid(rel)))
		refuse_table(rel, HINT_CITUS, "tables that Citus distributes are not supported here");
	if (rel->rd_rel->relrowsecurity)
		refuse_table(rel, HINT_ROW_SECURITY, "row security is not supported here");
	/* relhasrules stays set when the last rule is dropped. */
	if (rel->rd_rules != NULL && rel->rd_rules->numLocks > 0)
		refuse_table(rel, HINT_RULES, "rules are not supported here");
	if (triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_insert_instead_row || triggers->trig_insert_before_statement ||
		 triggers->trig_insert_after_statement || triggers->trig_insert_new_table))
		refuse_table(rel, HINT_TRIGGERS,
					 "triggers on INSERT and foreign keys are not supported here");
}

/* Its lock is given back: one that posts to another partition may have to lock the parent (ledger.sql). */
static void
check_actions_of(Oid table)
{
	Relation rel = table_open(table, AccessShareLock);

	check_actions(rel);
	table_close(rel, AccessShareLock);
}

static void
check_table(Relation rel, const BulkWriterOptions *options)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		refuse_table(rel, HINT_ACCESS_METHOD, "only ordinary heap tables are supported");
	if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT && !options->may_be_lost)
		refuse_table(rel, HINT_UNLOGGED, "unlogged tables are not supported here");
	check_actions(rel);
	if (OidIsValid(options->parent))
		check_actions_of(options->parent);
	if (rel->rd_rel->relispartition)
	{
		List *ancestors = get_partition_ancestors(RelationGetRelid(rel));
		ListCell *lc;

		foreach(lc, ancestors)
			check_actions_of(lfirst_oid(lc));
	}
	check_columns(rel, options);
}

static bool
has_checks_to_test(Relation rel, const BulkWriterOptions *options)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		if (!column_name_in(constr->check[i].ccname, options->held_checks))
			return true;
	/* NOT NULL where the caller's rows may be null: the same test covers it. */
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
		if (TupleDescAttr(RelationGetDescr(rel), i)->attnotnull &&
			bms_is_member(i + 1, options->nullable))
			return true;
	return false;
}

static void
check_indexes(Relation rel)
{
	List *indexes = RelationGetIndexList(rel);
	ListCell *lc;

	foreach(lc, indexes)
	{
		Relation index = index_open(lfirst_oid(lc), RowExclusiveLock);
		bool excludes = index->rd_index->indisexclusion;

		index_close(index, RowExclusiveLock);
		if (excludes)
			refuse_table(rel, HINT_EXCLUSION, "exclusion constraints are not supported here");
	}
	list_free(indexes);
}

static BulkWriter *
make_writer(Relation rel, BulkSink sink)
{
	BulkWriter *writer = palloc0_object(BulkWriter);

	writer->rel = rel;
	writer->sink = sink;
	writer->context = CurrentMemoryContext;
	writer->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "bulk writer row", ALLOCSET_DEFAULT_SIZES);
	return writer;
}

BulkWriter *
bulk_writer_open(Oid relation, const BulkWriterOptions *options)
{
	Relation rel = table_open(relation, RowExclusiveLock);
	bool has_indexes = rel->rd_rel->relhasindex;
	bool is_new = rel->rd_createSubid != InvalidSubTransactionId;
	HeapWriterOptions how = {.frozen = options->frozen};
	IndexBuilds *index_builds = NULL;
	BulkWriter *writer;

	check_table(rel, options);
	if (has_indexes)
		check_indexes(rel);
	if (has_indexes && bulk_index && is_new && RelationGetNumberOfBlocks(rel) == 0)
		index_builds = options->index_builds;
	how.checks_rows = has_checks_to_test(rel, options);
	how.keeps_indexes = has_indexes && index_builds == NULL;
	if (!how.checks_rows && !how.keeps_indexes && page_file_fits(rel))
	{
		writer = make_writer(rel, BULK_TO_PAGES);
		writer->file = page_file_open(rel, options->frozen);
	}
	else
	{
		writer = make_writer(rel, BULK_TO_HEAP);
		writer->heap = heap_writer_open(rel, &how);
	}
	writer->index_builds = index_builds;
	return writer;
}

BulkWriter *
bulk_writer_join(Oid relation, const RowStamp *stamp, SharedTuplestoreAccessor *spool)
{
	Relation rel = table_open(relation, AccessShareLock);
	BulkWriter *writer = make_writer(rel, stamp != NULL ? BULK_TO_PAGES : BULK_TO_SPOOL);

	if (stamp != NULL)
		writer->file = page_file_join(rel, *stamp, spool);
	else
		writer->spool = spool;
	return writer;
}

BulkSink
bulk_writer_sink(const BulkWriter *writer)
{
	return writer->sink;
}

TupleDesc
bulk_writer_descriptor(BulkWriter *writer)
{
	return RelationGetDescr(writer->rel);
}

Relation
bulk_writer_relation(BulkWriter *writer)
{
	return writer->rel;
}

PageFile *
bulk_writer_page_file(BulkWriter *writer)
{
	Assert(writer->sink == BULK_TO_PAGES);
	return writer->file;
}

bool
bulk_writer_leaves_indexes(const BulkWriter *writer)
{
	return writer->index_builds != NULL;
}

bool
bulk_writer_last_place(const BulkWriter *writer, ItemPointer place)
{
	return writer->sink == BULK_TO_PAGES && page_file_last_place(&writer->extent, place);
}

bool
bulk_writer_only_stores(BulkWriter *writer)
{
	return writer->sink != BULK_TO_HEAP || heap_writer_only_stores(writer->heap);
}

void
bulk_writer_put_row(BulkWriter *writer, HeapTupleHeader row, uint32 size)
{
	switch (writer->sink)
	{
		case BULK_TO_HEAP:
			heap_writer_put_row(writer->heap, row, size);
			break;
		case BULK_TO_PAGES:
			page_file_put(writer->file, &writer->extent, row, size);
			break;
		case BULK_TO_SPOOL:
		{
			HeapTupleData tuple = {.t_len = size, .t_data = row};

			CRASH_POINT_ROW();
			spool_row(writer->spool, &tuple, writer->context);
			break;
		}
	}
}

void
bulk_writer_put(BulkWriter *writer, const Datum *values, const bool *isnull)
{
	MemoryContext old;
	HeapTuple tuple;

	if (writer->sink == BULK_TO_HEAP)
	{
		heap_writer_put(writer->heap, values, isnull);
		return;
	}
	old = MemoryContextSwitchTo(writer->row_context);
	tuple = heap_form_tuple(RelationGetDescr(writer->rel), (Datum *) values, (bool *) isnull);
	MemoryContextSwitchTo(old);
	bulk_writer_put_row(writer, tuple->t_data, tuple->t_len);
	MemoryContextReset(writer->row_context);
}

void
bulk_writer_take(BulkWriter *writer, SharedTuplestoreAccessor *spool)
{
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(RelationGetDescr(writer->rel), &TTSOpsMinimalTuple);
	MinimalTuple tuple;

	sts_begin_parallel_scan(spool);
	while ((tuple = sts_parallel_scan_next(spool, NULL)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(tuple, slot, false);
		slot_getallattrs(slot);
		bulk_writer_put(writer, slot->tts_values, slot->tts_isnull);
	}
	sts_end_parallel_scan(spool);
	ExecDropSingleTupleTableSlot(slot);
}

void
bulk_writer_close(BulkWriter *writer)
{
	int64 nrows = 0;

	switch (writer->sink)
	{
		case BULK_TO_HEAP:
			nrows = heap_writer_close(writer->heap);
			break;
		case BULK_TO_PAGES:
			page_file_flush(writer->file, &writer->extent);
			nrows = page_file_rows(writer->file);
			page_file_close(writer->file);
			break;
		case BULK_TO_SPOOL:
			break;
	}
	if (writer->index_builds != NULL)
		index_builds_add(writer->index_builds, writer->rel, nrows);
	MemoryContextDelete(writer->row_context);
	table_close(writer->rel, NoLock);
	pfree(writer);
}
