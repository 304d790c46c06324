/*
 * staged_rows.c
 *		Rows of staging from those of other tables (see staged_rows.h).
 */
#include "expand/staged_rows.h"

#include "ledger/line_layout.h"
#include "ledger/shared_staging.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "nodes/bitmapset.h"
#include "utils/rel.h"

/* Columns that a site has added to the ledger may be null in what is carried. */
static void
find_added(StagedRows *rows, TupleDesc ledger, TupleDesc staging, Bitmapset **filled,
		   Bitmapset **nullable)
{
	CarriedColumn *carried;

	/* All of them: archived months lack columns that were added since. */
	int ncarried = columns_carried(ledger, staging, rows->names, &carried, filled, nullable);

	for (int i = 0; i < ncarried; i++)
		*nullable = bms_add_member(*nullable, carried[i].to);
}

void
staged_rows_open(StagedRows *rows, const JeIds *ids, Oid relation, const char *parent,
				 const char *ledger, const char *const *names, const Oid *types, int count)
{
	static const char *const own_checks[] = {"staging_run", NULL};
	Relation rel = table_open(relation, RowExclusiveLock);
	Relation posted = table_open(ledger_engine_table(ledger), AccessShareLock);
	/* A table of the run's own, which nobody else sees yet. */
	bool is_own = !staging_is_shared(rel);
	BulkWriterOptions options = {.held_checks = is_own ? own_checks : NULL,
								 .filled = names,
								 .may_be_lost = true,
								 .frozen = is_own};
	int natts = RelationGetNumberOfAttributes(rel);
	Bitmapset *filled = NULL;
	Bitmapset *nullable = NULL;

	memset(rows, 0, sizeof(StagedRows));
	rows->names = names;
	rows->types = types;
	rows->count = count;
	options.parent = ledger_engine_table(parent);
	find_added(rows, RelationGetDescr(posted), RelationGetDescr(rel), &filled, &nullable);
	options.also_filled = filled;
	options.nullable = nullable;
	table_close(posted, AccessShareLock);
	table_close(rel, NoLock);
	rows->writer = bulk_writer_open(relation, &options);
	rows->columns = palloc_array(AttrNumber, count);
	for (int i = 0; i < count; i++)
		rows->columns[i] = column_find(bulk_writer_descriptor(rows->writer),
									   RelationGetRelationName(bulk_writer_relation(rows->writer)),
									   names[i], types[i]);
	rows->is_own = line_layout_is_own(bulk_writer_descriptor(rows->writer), rows->columns, count);
	rows->source_columns = palloc_array(AttrNumber, count);
	rows->values = palloc0_array(Datum, natts);
	rows->isnull = palloc_array(bool, natts);
	memset(rows->isnull, true, natts);
	if (ids->has_range && bulk_writer_sink(rows->writer) == BULK_TO_PAGES)
		rows->groups = page_groups_open(bulk_writer_page_file(rows->writer));
}

void
staged_rows_use_source(StagedRows *rows, TupleDesc source, const char *const *may_lack)
{
	Bitmapset *filled = NULL;
	Bitmapset *nullable = NULL;

	if (rows->source == source)
		return;
	for (int i = 0; i < rows->count; i++)
	{
		rows->source_columns[i] = column_number(source, rows->names[i]);
		if (rows->source_columns[i] != InvalidAttrNumber ||
			!column_name_in(rows->names[i], may_lack))
			rows->source_columns[i] =
				column_find(source, "of the ledger", rows->names[i], rows->types[i]);
	}
	rows->ncarried = columns_carried(source, bulk_writer_descriptor(rows->writer), rows->names,
									 &rows->carried, &filled, &nullable);
	/* What this type lacks is null in its rows. */
	memset(rows->isnull, true, sizeof(bool) * bulk_writer_descriptor(rows->writer)->natts);
	rows->source = source;
}

void
staged_rows_take(StagedRows *rows, TupleTableSlot *slot)
{
	columns_carry(rows->carried, rows->ncarried, slot, rows->values, rows->isnull);
	for (int i = 0; i < rows->count; i++)
	{
		AttrNumber to = rows->columns[i] - 1;

		rows->isnull[to] = staged_rows_source_isnull(rows, slot, i);
		if (!rows->isnull[to])
			rows->values[to] = staged_rows_source_value(rows, slot, i);
	}
}

Datum
staged_rows_require(const StagedRows *rows, TupleTableSlot *slot, int column)
{
	if (unlikely(staged_rows_source_isnull(rows, slot, column)))
		ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
						errmsg("a posted row has a null in column %s", rows->names[column])));
	return staged_rows_source_value(rows, slot, column);
}

PageGroup *
staged_rows_group(StagedRows *rows, int64 je_id, DateADT je_month, Code first, Code second)
{
	if (rows->groups == NULL || !je_id_in_range(je_id))
		return NULL;
	return page_groups_find(rows->groups, je_month, first, second);
}

void
staged_rows_put_row(StagedRows *rows, PageGroup *group, HeapTupleHeader row, uint32 size)
{
	if (group != NULL)
		page_groups_put(rows->groups, group, row, size);
	else
		bulk_writer_put_row(rows->writer, row, size);
}

void
staged_rows_put(StagedRows *rows, PageGroup *group)
{
	if (group != NULL)
	{
		HeapTuple tuple =
			heap_form_tuple(bulk_writer_descriptor(rows->writer), rows->values, rows->isnull);

		page_groups_put(rows->groups, group, tuple->t_data, tuple->t_len);
	}
	else
		bulk_writer_put(rows->writer, rows->values, rows->isnull);
}

void
staged_rows_close(StagedRows *rows)
{
	if (rows->groups != NULL)
		page_groups_close(rows->groups);
	bulk_writer_close(rows->writer);
}
