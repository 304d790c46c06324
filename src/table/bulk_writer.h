/*
 * bulk_writer.h
 *		Writes many rows into one table, past the executor: to the pages of a new
 *		table, by heap_multi_insert, or to the process that leads.
 *
 * None of these looks at more than the heap, so the writer answers for the rest:
 * it keeps indexes, checks CHECK constraints save those that the
 * caller names as held by construction, and refuses (LE012) a table with what it
 * does not do: triggers on INSERT, row security, generated columns, rules,
 * exclusion constraints, NOT NULL columns or defaults that the caller does not
 * fill, other access methods, unlogged tables.
 */
#ifndef LEDGER_BULK_WRITER_H
#define LEDGER_BULK_WRITER_H

#include "common/ledger_engine.h"
#include "table/index_builds.h"
#include "table/page_file.h"

#include "access/htup.h"

typedef struct BulkWriter BulkWriter;

/* Where the rows go. */
typedef enum BulkSink
{
	BULK_TO_HEAP,  /* through shared buffers (heap_writer.h) */
	BULK_TO_PAGES, /* to the file of a table that is new (page_file.h) */
	BULK_TO_SPOOL  /* to the process that opened the table, which writes them */
} BulkSink;

typedef struct BulkWriterOptions
{
	/* Names of CHECK constraints that every row of the caller satisfies; NULL ends it. */
	const char *const *held_checks;
	/* Names of the columns that the caller fills; others stay null. NULL ends it. */
	const char *const *filled;
	/* More columns that the caller fills, by number; may be NULL. */
	const Bitmapset *also_filled;
	/* Of these, the ones that may be null in the caller's rows; may be NULL. */
	const Bitmapset *nullable;
	/* The table that the table is, or will be, a child of: its triggers and rules count as those of the ancestors of a partition do. */
	Oid parent;
	/* The table may be unlogged: its rows can be made again. */
	bool may_be_lost;
	/* Write rows frozen: for a table made in this transaction that nobody else can see yet. */
	bool frozen;
	/* Where the table was made in this transaction its indexes are not kept row by row, but left to these when it is closed; may be NULL. */
	IndexBuilds *index_builds;
} BulkWriterOptions;

/* To pages where the table allows it, else to the heap. */
extern BulkWriter *bulk_writer_open(Oid relation, const BulkWriterOptions *options);

extern BulkSink bulk_writer_sink(const BulkWriter *writer);
extern TupleDesc bulk_writer_descriptor(BulkWriter *writer);
extern Relation bulk_writer_relation(BulkWriter *writer);

/* The file of a writer to pages: rows put to it are among the writer's. */
extern PageFile *bulk_writer_page_file(BulkWriter *writer);

/* Are the indexes left to be built when the table is filled? */
extern bool bulk_writer_leaves_indexes(const BulkWriter *writer);

/* The place of the row that was added last to pages; false where it is not known. */
extern bool bulk_writer_last_place(const BulkWriter *writer, ItemPointer place);

/* True where writing runs no expression of the site's (CHECK, index), which may do what parallel mode forbids. */
extern bool bulk_writer_only_stores(BulkWriter *writer);

/* Adds a row; values are copied. */
extern void bulk_writer_put(BulkWriter *writer, const Datum *values, const bool *isnull);

/* Adds a copy of a tuple of the same row type; its header may be changed. */
extern void bulk_writer_put_row(BulkWriter *writer, HeapTupleHeader row, uint32 size);

/*
 * A writer in a process that helps the one that opened it: to pages, where stamp
 * is not NULL, with what such a process cannot write going to the spool; else
 * all to the spool, from which the other one takes them.
 */
extern BulkWriter *
bulk_writer_join(Oid relation, const RowStamp *stamp, SharedTuplestoreAccessor *spool);
extern void bulk_writer_take(BulkWriter *writer, SharedTuplestoreAccessor *spool);

/* Writes what is buffered and closes the table (its lock stays). */
extern void bulk_writer_close(BulkWriter *writer);

#endif
