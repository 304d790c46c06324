/*
 * page_groups.c
 *		Extents by group (see page_groups.h).
 */
#include "table/page_groups.h"

#include "miscadmin.h"

#define MAX_GROUPS 1024

/* A group of extents that are read back. */
typedef struct FoundGroup
{
	CodeKey key;
	int32 found;    /* the how manyeth that was found */
	int64 nextents; /* then: where the next of its extents goes */
} FoundGroup;

PageGroups *
page_groups_open(PageFile *file)
{
	PageGroups *groups = palloc_object(PageGroups);

	groups->file = file;
	code_map_init(&groups->map, "page groups", sizeof(PageGroup), CurrentMemoryContext);
	return groups;
}

PageGroup *
page_groups_find(PageGroups *groups, DateADT month, Code first, Code second)
{
	CodeKey key = {month, 2, {first, second}};
	bool found;

	if (hash_get_num_entries(groups->map.table) >= MAX_GROUPS)
		return code_map_find(&groups->map, &key);
	return code_map_enter(&groups->map, &key, &found);
}

void
page_groups_close(PageGroups *groups)
{
	HASH_SEQ_STATUS scan;
	PageGroup *group;

	Assert(hash_get_num_entries(groups->map.table) <= MAX_GROUPS);
	hash_seq_init(&scan, groups->map.table);
	while ((group = hash_seq_search(&scan)) != NULL)
		page_file_flush(groups->file, &group->extent);
}

static int
compare_groups(const void *a, const void *b)
{
	const CodeKey *x = &(*(FoundGroup *const *) a)->key;
	const CodeKey *y = &(*(FoundGroup *const *) b)->key;
	int by_code;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	by_code = code_compare(x->codes[0], y->codes[0]);
	return by_code != 0 ? by_code : code_compare(x->codes[1], y->codes[1]);
}

/* Puts extents, whose groups are numbered as they were found, in the order of groups. */
static void
sort_extents(ExtentMap *map, CodeMap *groups)
{
	int ngroups = hash_get_num_entries(groups->table);
	FoundGroup **by_order = palloc_array(FoundGroup *, ngroups + 1);
	FoundGroup **as_found = palloc_array(FoundGroup *, ngroups + 1);
	int32 *number = palloc_array(int32, ngroups + 1);
	GroupedExtent *sorted =
		palloc_extended(sizeof(GroupedExtent) * (map->nextents + 1), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS scan;
	FoundGroup *group;
	int64 before = 0;
	int n = 0;

	hash_seq_init(&scan, groups->table);
	while ((group = hash_seq_search(&scan)) != NULL)
		by_order[n++] = as_found[group->found] = group;
	qsort(by_order, ngroups, sizeof(FoundGroup *), compare_groups);
	map->ngroups = ngroups;
	map->groups = palloc_array(CodeKey *, ngroups + 1);
	for (int i = 0; i < ngroups; i++)
	{
		int64 count = by_order[i]->nextents;

		map->groups[i] = &by_order[i]->key;
		number[by_order[i]->found] = i;
		by_order[i]->nextents = before;
		before += count;
	}
	for (int64 i = 0; i < map->nextents; i++)
	{
		GroupedExtent *extent = &map->extents[i];
		int64 at = as_found[extent->group]->nextents++;

		sorted[at].block = extent->block;
		sorted[at].group = number[extent->group];
	}
	for (int64 i = 1; i < map->nextents; i++)
		Assert(sorted[i - 1].group < sorted[i].group ||
			   (sorted[i - 1].group == sorted[i].group && sorted[i - 1].block < sorted[i].block));
	pfree(map->extents);
	pfree(number);
	pfree(as_found);
	pfree(by_order);
	map->extents = sorted;
}

void
page_groups_read(ExtentMap *map, BlockNumber nblocks, ExtentGroup group_of, void *arg)
{
	int64 capacity = nblocks / EXTENT_PAGES + 1;
	CodeMap groups;

	memset(map, 0, sizeof(ExtentMap));
	code_map_init(&groups, "groups of extents", sizeof(FoundGroup), CurrentMemoryContext);
	map->extents = palloc_extended(sizeof(GroupedExtent) * capacity, MCXT_ALLOC_HUGE);
	map->loose = palloc_extended(sizeof(BlockNumber) * capacity, MCXT_ALLOC_HUGE);
	for (BlockNumber block = 0; block < nblocks; block += EXTENT_PAGES)
	{
		CodeKey key = {0, 2};
		FoundGroup *group;
		bool found;

		CHECK_FOR_INTERRUPTS();
		if (!group_of(block, &key, arg))
		{
			map->loose[map->nloose++] = block;
			continue;
		}
		group = code_map_enter(&groups, &key, &found);
		if (!found)
			group->found = hash_get_num_entries(groups.table) - 1;
		group->nextents++;
		map->extents[map->nextents].block = block;
		map->extents[map->nextents++].group = group->found;
	}
	Assert(map->nextents + map->nloose == (nblocks + EXTENT_PAGES - 1) / EXTENT_PAGES);
	sort_extents(map, &groups);
}
