/*
 * source_blocks.c
 *		Hands out the source rows of a month by stretches of blocks (see source_blocks.h).
 */
#include "expand/source_blocks.h"

#include "common/settings_scope.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* 4 MB, less where there is little to share. */
#define MAX_STRETCH           512
#define STRETCHES_PER_PROCESS 8

BlockNumber
source_blocks_count(List *tables, BlockNumber *blocks)
{
	BlockNumber sum = 0;
	ListCell *lc;

	foreach(lc, tables)
	{
		Relation rel = table_open(lfirst_oid(lc), NoLock);
		int i = foreach_current_index(lc);

		blocks[i] = RelationGetNumberOfBlocks(rel);
		sum += blocks[i];
		table_close(rel, NoLock);
	}
	return sum;
}

BlockNumber
source_blocks_stretch(BlockNumber nblocks, int nprocesses)
{
	return Max(1, Min(MAX_STRETCH, nblocks / (nprocesses * STRETCHES_PER_PROCESS)));
}

void
source_blocks_fill(SourceLeaf *leaves, List *tables, const BlockNumber *blocks, BlockNumber stretch)
{
	ListCell *lc;

	foreach(lc, tables)
	{
		SourceLeaf *leaf = &leaves[foreach_current_index(lc)];

		leaf->table = lfirst_oid(lc);
		leaf->nblocks = blocks[foreach_current_index(lc)];
		leaf->nstretches = (leaf->nblocks + stretch - 1) / stretch;
	}
}

bool
source_blocks_next(SourceCursor *cursor, const SourceLeaf *leaves, int nleaves, BlockNumber stretch,
				   pg_atomic_uint64 *next)
{
	uint64 n = pg_atomic_fetch_add_u64(next, 1);

	while (cursor->leaf < nleaves && n >= cursor->before + leaves[cursor->leaf].nstretches)
		cursor->before += leaves[cursor->leaf++].nstretches;
	if (cursor->leaf == nleaves)
		return false;
	cursor->number = n;
	cursor->table = leaves[cursor->leaf].table;
	cursor->from = (BlockNumber) (n - cursor->before) * stretch;
	cursor->to = Min(cursor->from + stretch, leaves[cursor->leaf].nblocks);
	return true;
}

/* They cost nothing that is worth compiling. */
int
source_blocks_open(void)
{
	static const ScopedSetting settings[] = {
		{"enable_tidscan", "on"},        {"enable_seqscan", "off"},    {"enable_indexscan", "off"},
		{"enable_indexonlyscan", "off"}, {"enable_bitmapscan", "off"}, {"jit", "off"}};

	return settings_scope_open(settings, lengthof(settings));
}

void
source_blocks_read(const SourceCursor *cursor, const char *list, const char *condition,
				   QueryArgs args, QueryRow row, void *arg)
{
	ItemPointerData first;
	ItemPointerData end;
	char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(cursor->table)),
											get_rel_name(cursor->table));

	ItemPointerSet(&first, cursor->from, 0);
	ItemPointerSet(&end, cursor->to, 0);
	query_arg(&args, TIDOID, PointerGetDatum(&first));
	query_arg(&args, TIDOID, PointerGetDatum(&end));
	query_each_row(psprintf("SELECT %s FROM ONLY %s s WHERE s.ctid >= $%d AND s.ctid < $%d%s%s",
							list, name, args.count - 1, args.count,
							condition[0] == '\0' ? "" : " AND ", condition),
				   &args, row, arg);
}
