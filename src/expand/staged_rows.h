/*
 * staged_rows.h
 *		Rows of a table of staging that are made from rows of another table: the
 *		columns of the same names are taken over, those of a site among them, and
 *		some are then set.
 */
#ifndef LEDGER_STAGED_ROWS_H
#define LEDGER_STAGED_ROWS_H

#include "common/columns.h"
#include "ledger/je_id.h"
#include "table/bulk_writer.h"
#include "table/page_groups.h"

/* What the rows go to, and the one that is being put together. */
typedef struct StagedRows
{
	BulkWriter *writer;
	PageGroups *groups; /* of rows in the run's own range; NULL: none */
	const char *const *names;
	const Oid *types;
	int count;
	AttrNumber *columns; /* numbers of the engine's columns */
	bool is_own;         /* it has these alone, in their order */
	Datum *values;
	bool *isnull;

	/* Of the rows that come now. */
	TupleDesc source;
	AttrNumber *source_columns; /* of the engine's columns; 0: it has none of that name */
	int ncarried;
	CarriedColumn *carried;
} StagedRows;

/*
 * Opens a table of staging, like parent, for a run with these identifiers; the columns that it has in common with the
 * ledger's table may be filled. LE010 or LE012 where it is not fit to be written to.
 */
extern void
staged_rows_open(StagedRows *rows, const JeIds *ids, Oid relation, const char *parent,
				 const char *ledger, const char *const *names, const Oid *types, int count);

/* The rows that follow are made from rows of this type, which may lack these of the engine's columns (ended by NULL). */
extern void staged_rows_use_source(StagedRows *rows, TupleDesc source, const char *const *may_lack);

/* Takes over all columns of a row, whose attributes are all deformed; those that it lacks are null. */
extern void staged_rows_take(StagedRows *rows, TupleTableSlot *slot);

static inline bool
staged_rows_source_isnull(const StagedRows *rows, TupleTableSlot *slot, int column)
{
	AttrNumber n = rows->source_columns[column];

	return n == InvalidAttrNumber || slot->tts_isnull[n - 1];
}

static inline Datum
staged_rows_source_value(const StagedRows *rows, TupleTableSlot *slot, int column)
{
	return slot->tts_values[rows->source_columns[column] - 1];
}

/* A column that is never null in the ledger. */
extern Datum staged_rows_require(const StagedRows *rows, TupleTableSlot *slot, int column);

static inline void
staged_rows_set(StagedRows *rows, int column, Datum value)
{
	rows->values[rows->columns[column] - 1] = value;
	rows->isnull[rows->columns[column] - 1] = false;
}

static inline void
staged_rows_set_null(StagedRows *rows, int column)
{
	rows->isnull[rows->columns[column] - 1] = true;
}

/* Where a row of a month and two codes goes in the run's own range; NULL: among the others. */
extern PageGroup *
staged_rows_group(StagedRows *rows, int64 je_id, DateADT je_month, Code first, Code second);

/* Writes the row that was put together, or a copy of one that is ready-made. */
extern void staged_rows_put(StagedRows *rows, PageGroup *group);
extern void
staged_rows_put_row(StagedRows *rows, PageGroup *group, HeapTupleHeader row, uint32 size);

/* Writes what is buffered and closes the table. */
extern void staged_rows_close(StagedRows *rows);

#endif
