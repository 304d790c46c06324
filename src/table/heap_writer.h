/*
 * heap_writer.h
 *		Writes many rows into one table through shared buffers: buffered, by
 *		heap_multi_insert, with constraints before and index entries after each
 *		flush.
 *
 * What the table may have, its user looks at (bulk_writer.h). Memory: one buffer
 * of rows, whatever their number, and a row that is longer than the buffer.
 */
#ifndef LEDGER_HEAP_WRITER_H
#define LEDGER_HEAP_WRITER_H

#include "common/ledger_engine.h"

#include "access/htup.h"
#include "utils/rel.h"

typedef struct HeapWriter HeapWriter;

typedef struct HeapWriterOptions
{
	bool checks_rows;   /* tests CHECK constraints and NOT NULL */
	bool keeps_indexes; /* row by row; else the table's are left alone */
	bool frozen;        /* for a table made in this subtransaction that nobody else can see yet */
} HeapWriterOptions;

/* For an open table with its lock. */
extern HeapWriter *heap_writer_open(Relation rel, const HeapWriterOptions *options);

/* True where writing runs no expression of the site's (CHECK, index), which may do what parallel mode forbids. */
extern bool heap_writer_only_stores(const HeapWriter *writer);

/* Adds a row; values are copied. */
extern void heap_writer_put(HeapWriter *writer, const Datum *values, const bool *isnull);

/* Adds a copy of a tuple of the same row type. */
extern void heap_writer_put_row(HeapWriter *writer, HeapTupleHeader row, uint32 size);

/* Writes what is buffered; the number of rows written in all. */
extern int64 heap_writer_close(HeapWriter *writer);

#endif
