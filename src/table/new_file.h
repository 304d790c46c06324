/*
 * new_file.h
 *		Pages of a relation's new file, written past shared buffers.
 *
 * Nobody can look at a file that the current transaction made. So its pages are
 * put together in memory, logged whole where the relation is logged, and written
 * once. That the file reaches the disk is asked for when it is complete: by the
 * next checkpoint, or at once where a checkpoint began in between, which may have
 * missed pages whose log records it made needless. What is not logged can wait
 * for the next one: an unlogged table only has to outlast a shutdown, and a
 * relation that wal_level = minimal keeps out of the log is logged or synced by
 * the server when the transaction commits.
 *
 * The server's own writer of new files, bulk_write.c, which it has from 17 on,
 * is for one process; the hole that a checkpoint leaves is described there, at
 * smgr_bulk_finish().
 */
#ifndef LEDGER_NEW_FILE_H
#define LEDGER_NEW_FILE_H

#include "common/ledger_engine.h"

#include "access/xlogdefs.h"
#include "storage/block.h"
#include "utils/rel.h"

/* Blocks by which a large file grows at a time, and which the kernel is asked to write: 1 MB. */
#define FILE_STRETCH 128

typedef struct NewFile
{
	Relation rel;
	XLogRecPtr redo; /* of the last checkpoint when the file was opened */
} NewFile;

/* Comes before the first page is written. */
extern void new_file_open(NewFile *file, Relation rel);

/* Makes the file longer; the blocks are zeros until they are written. */
extern void new_file_grow(const NewFile *file, BlockNumber from, BlockNumber to);

/* Logs pages, sets their checksums, and writes them to blocks that the file has. */
extern void
new_file_write(const NewFile *file, int npages, const BlockNumber *blocks, char *const *pages);

/* Sees to it that the file reaches the disk, once all its pages are written. */
extern void new_file_sync(const NewFile *file);

/* Room for so many pages, in the current memory context, aligned as direct I/O would ask. */
extern char *new_file_alloc(int npages);

#endif
