/*
 * source_blocks.h
 *		The source rows of a month by stretches of blocks, which processes take one after
 *		the other.
 */
#ifndef LEDGER_SOURCE_BLOCKS_H
#define LEDGER_SOURCE_BLOCKS_H

#include "common/query.h"

#include "port/atomics.h"
#include "storage/block.h"

/* A table that holds rows of the month. */
typedef struct SourceLeaf
{
	Oid table;
	BlockNumber nblocks;
	int64 nstretches;
} SourceLeaf;

/* How far a process is; at first all zero. */
typedef struct SourceCursor
{
	int leaf;
	uint64 before; /* stretches of leaves before this one */
	uint64 number; /* of the stretch that was taken last, of all leaves one after the other */
	Oid table;
	BlockNumber from;
	BlockNumber to; /* exclusive */
} SourceCursor;

/* The blocks of each of the tables, which are locked; their sum. */
extern BlockNumber source_blocks_count(List *tables, BlockNumber *blocks);

/* Blocks that a process takes at a time, where there are so many of all tables. */
extern BlockNumber source_blocks_stretch(BlockNumber nblocks, int nprocesses);

/* Fills in the leaves of these tables. */
extern void source_blocks_fill(SourceLeaf *leaves, List *tables, const BlockNumber *blocks,
							   BlockNumber stretch);

/* Takes the next stretch, whose counter all processes share; false: none is left. Each process gets them in ascending order. */
extern bool source_blocks_next(SourceCursor *cursor, const SourceLeaf *leaves, int nleaves,
							   BlockNumber stretch, pg_atomic_uint64 *next);

/*
 * Reads the stretch by the range of its row identifiers: the SELECT list of the table as s, and a condition
 * on it, or "". args have the condition's arguments, and room for two more. Between source_blocks_open() and
 * settings_scope_close() of what that returns, for the planner would choose something else.
 */
extern void source_blocks_read(const SourceCursor *cursor, const char *list, const char *condition,
							   QueryArgs args, QueryRow row, void *arg);
extern int source_blocks_open(void);

#endif
