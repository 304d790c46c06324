/*
 * page_groups.c
 *		Extents by group (see page_groups.h).
 */
#include "table/page_groups.h"

#define MAX_GROUPS 1024

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
