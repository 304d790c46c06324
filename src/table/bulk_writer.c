/*
 * bulk_writer.c
 *		Buffered writing by heap_multi_insert (see bulk_writer.h), or straight to
 *		pages where the table is new (page_file.h).
 *
 * A row is formed once, as a tuple in the buffer, and stored in a heap-tuple
 * slot, so that heap_multi_insert copies it straight to the page. The buffer is
 * full at 1000 rows or 128 kB. Index entries follow the heap rows of a flush, as
 * in COPY.
 */
#include "table/bulk_writer.h"

#include "common/columns.h"
#include "common/crash_point.h"
#include "common/settings.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define MAX_BUFFERED_ROWS  1000
#define MAX_BUFFERED_BYTES (128 * 1024)

/* Bytes fill up only to MAX_BUFFERED_BYTES and alignment, then one row more. */
#define BUFFER_SIZE (MAX_BUFFERED_BYTES + MAX_BUFFERED_ROWS * MAXIMUM_ALIGNOF + BLCKSZ)

struct BulkWriter
{
	Relation rel;
	EState *estate;
	ResultRelInfo *result;
	BulkInsertState bulk_insert;
	CommandId command_id;
	int insert_options;
	bool check_rows;                 /* there are CHECK constraints to test */
	bool keep_indexes;               /* row by row */
	IndexBuilds *index_builds;       /* that the indexes are left to; NULL: none */
	bool reads_slots;                /* something reads the attributes of buffered rows */
	PageFile *file;                  /* not NULL: rows go there instead of to heap_multi_insert */
	PageExtent extent;               /* of it, being filled */
	SharedTuplestoreAccessor *spool; /* of a process that helps; NULL: it is not one */

	MemoryContext context;       /* of the writer itself */
	MemoryContext batch_context; /* of rows formed by the server, and of heap_multi_insert */
	char *buffer;                /* of rows put together or copied here */
	Size used;                   /* bytes of the buffer */

	TupleTableSlot *slots[MAX_BUFFERED_ROWS];
	HeapTupleData tuples[MAX_BUFFERED_ROWS]; /* what the slots hold */
	int nslots;                              /* made so far */
	int nrows;
	int64 nflushed; /* rows given to heap_multi_insert */
	Size nbytes;
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
check_indexes(ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
		if (result->ri_IndexRelationDescs[i]->rd_index->indisexclusion)
			refuse_table(result->ri_RelationDesc, HINT_EXCLUSION,
						 "exclusion constraints are not supported here");
}

BulkWriter *
bulk_writer_open(Oid relation, const BulkWriterOptions *options)
{
	BulkWriter *writer = palloc0(sizeof(BulkWriter));
	Relation rel = table_open(relation, RowExclusiveLock);
	bool made_here = rel->rd_createSubid != InvalidSubTransactionId;
	bool is_empty;

	check_table(rel, options);
	is_empty = RelationGetNumberOfBlocks(rel) == 0;
	writer->rel = rel;
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, rel, 0, NULL, 0);
	writer->check_rows = has_checks_to_test(rel, options);
	if (rel->rd_rel->relhasindex && bulk_index && made_here && is_empty)
		writer->index_builds = options->index_builds;
	writer->keep_indexes = rel->rd_rel->relhasindex && writer->index_builds == NULL;
	if (rel->rd_rel->relhasindex)
	{
		ExecOpenIndices(writer->result, false);
		check_indexes(writer->result);
		if (!writer->keep_indexes)
			ExecCloseIndices(writer->result);
	}

	writer->command_id = GetCurrentCommandId(true);
	writer->insert_options = made_here ? HEAP_INSERT_SKIP_FSM : 0;
	/* Made in an outer transaction, it would keep frozen rows of a subtransaction that aborts. */
	if (options->frozen && rel->rd_createSubid == GetCurrentSubTransactionId())
		writer->insert_options |= HEAP_INSERT_FROZEN;
	writer->bulk_insert = GetBulkInsertState();
	writer->context = CurrentMemoryContext;
	writer->buffer = palloc(BUFFER_SIZE);
	writer->reads_slots = writer->keep_indexes || writer->check_rows;
	if (!writer->check_rows && !writer->keep_indexes && page_file_fits(rel))
		writer->file = page_file_open(rel, options->frozen);
	writer->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "bulk writer batch", ALLOCSET_DEFAULT_SIZES);
	return writer;
}

BulkWriter *
bulk_writer_join(Oid relation, const RowStamp *stamp, SharedTuplestoreAccessor *spool)
{
	BulkWriter *writer = palloc0(sizeof(BulkWriter));

	writer->rel = table_open(relation, AccessShareLock);
	writer->context = CurrentMemoryContext;
	writer->spool = spool;
	if (stamp != NULL)
		writer->file = page_file_join(writer->rel, *stamp, spool);
	writer->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "bulk writer batch", ALLOCSET_DEFAULT_SIZES);
	return writer;
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
	return writer->file;
}

bool
bulk_writer_only_stores(BulkWriter *writer)
{
	if (writer->check_rows)
		return false;
	for (int i = 0; writer->keep_indexes && i < writer->result->ri_NumIndices; i++)
	{
		IndexInfo *index = writer->result->ri_IndexRelationInfo[i];

		if (index->ii_Expressions != NIL || index->ii_Predicate != NIL)
			return false;
	}
	return true;
}

static void
flush(BulkWriter *writer)
{
	MemoryContext old;

	if (writer->nrows == 0)
		return;
	Assert(writer->nrows <= MAX_BUFFERED_ROWS && writer->used <= BUFFER_SIZE);
	Assert(writer->file == NULL && writer->spool == NULL);

	if (writer->check_rows)
		for (int i = 0; i < writer->nrows; i++)
		{
			ExecConstraints(writer->result, writer->slots[i], writer->estate);
			ResetPerTupleExprContext(writer->estate);
		}

	/* The arrays that heap_multi_insert makes are freed with the rows. */
	old = MemoryContextSwitchTo(writer->batch_context);
	heap_multi_insert(writer->rel, writer->slots, writer->nrows, writer->command_id,
					  writer->insert_options, writer->bulk_insert);
	MemoryContextSwitchTo(old);
	if (writer->keep_indexes)
		CRASH_POINT("post_heap_rows");

	for (int i = 0; writer->keep_indexes && i < writer->nrows; i++)
	{
		insert_index_tuples(writer->result, writer->slots[i], writer->estate);
		ResetPerTupleExprContext(writer->estate);
	}
	MemoryContextReset(writer->batch_context);
	writer->nflushed += writer->nrows;
	writer->nrows = 0;
	writer->nbytes = 0;
	writer->used = 0;
	CHECK_FOR_INTERRUPTS();
}

/*
 * Stores tuples[i] in slots[i]. The slot is told that it owns the tuple: else
 * heap_multi_insert would have it copy the tuple first. It must not be cleared
 * while it is told so.
 */
static void
store_in_slot(BulkWriter *writer, int i)
{
	writer->slots[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
	ExecStoreHeapTuple(&writer->tuples[i], writer->slots[i], false);
	writer->slots[i]->tts_tableOid = RelationGetRelid(writer->rel);
	writer->slots[i]->tts_flags |= TTS_FLAG_SHOULDFREE;
}

static void
make_slot(BulkWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(writer->context);
	int i = writer->nslots++;

	writer->slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(writer->rel), &TTSOpsHeapTuple);
	writer->tuples[i].t_tableOid = RelationGetRelid(writer->rel);
	ItemPointerSetInvalid(&writer->tuples[i].t_self);
	store_in_slot(writer, i);
	MemoryContextSwitchTo(old);
}

/* Adds a tuple whose bytes stay where they are until the next flush. */
static inline void
add(BulkWriter *writer, HeapTupleHeader data, uint32 size)
{
	int i = writer->nrows;

	Assert(writer->bulk_insert != NULL && i < MAX_BUFFERED_ROWS && size > SizeofHeapTupleHeader);
	CRASH_POINT_ROW();
	writer->tuples[i].t_data = data;
	writer->tuples[i].t_len = size;
	/* Where nothing reads the slot's attributes, it goes on holding the same HeapTupleData. */
	if (unlikely(i == writer->nslots))
		make_slot(writer);
	else if (writer->reads_slots)
		store_in_slot(writer, i);
	writer->nrows++;
	writer->nbytes += size;
	if (writer->nrows == MAX_BUFFERED_ROWS || writer->nbytes >= MAX_BUFFERED_BYTES)
		flush(writer);
}

void
bulk_writer_put(BulkWriter *writer, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(writer->batch_context);
	HeapTuple tuple =
		heap_form_tuple(RelationGetDescr(writer->rel), (Datum *) values, (bool *) isnull);

	MemoryContextSwitchTo(old);
	if (writer->file != NULL)
	{
		page_file_put(writer->file, &writer->extent, tuple->t_data, tuple->t_len);
		MemoryContextReset(writer->batch_context);
	}
	else if (writer->spool != NULL)
	{
		CRASH_POINT_ROW();
		spool_row(writer->spool, tuple, writer->context);
		MemoryContextReset(writer->batch_context);
	}
	else
		add(writer, tuple->t_data, tuple->t_len);
}

void
bulk_writer_put_row(BulkWriter *writer, HeapTupleHeader row, uint32 size)
{
	if (writer->file != NULL)
	{
		page_file_put(writer->file, &writer->extent, row, size);
		return;
	}
	if (writer->spool != NULL)
	{
		HeapTupleData tuple = {.t_len = size, .t_data = row};

		CRASH_POINT_ROW();
		spool_row(writer->spool, &tuple, writer->context);
		return;
	}
	if (unlikely(size > BUFFER_SIZE))
	{
		add(writer, memcpy(MemoryContextAlloc(writer->batch_context, size), row, size), size);
		return;
	}
	if (writer->used + size > BUFFER_SIZE)
		flush(writer);
	memcpy(writer->buffer + writer->used, row, size);
	row = (HeapTupleHeader) (writer->buffer + writer->used);
	writer->used += MAXALIGN(size);
	add(writer, row, size);
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
		ExecStoreMinimalTuple(tuple, slot, false);
		slot_getallattrs(slot);
		bulk_writer_put(writer, slot->tts_values, slot->tts_isnull);
	}
	sts_end_parallel_scan(spool);
	ExecDropSingleTupleTableSlot(slot);
}

/* What only the process that opened the table has. */
static void
close_table_writer(BulkWriter *writer)
{
	for (int i = 0; i < writer->nslots; i++)
	{
		writer->slots[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	}
	FreeBulkInsertState(writer->bulk_insert);
	if (writer->keep_indexes)
		ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	pfree(writer->buffer);
}

void
bulk_writer_close(BulkWriter *writer)
{
	int64 nrows;

	flush(writer);
	nrows = writer->nflushed;
	Assert(writer->nrows == 0);
	if (writer->file != NULL)
	{
		page_file_flush(writer->file, &writer->extent);
		nrows = page_file_rows(writer->file);
		page_file_close(writer->file);
	}
	if (writer->spool == NULL)
		close_table_writer(writer);
	if (writer->index_builds != NULL)
		index_builds_add(writer->index_builds, writer->rel, nrows);
	MemoryContextDelete(writer->batch_context);
	table_close(writer->rel, NoLock);
	pfree(writer);
}
