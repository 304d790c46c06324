/*
 * journal_map.c
 *		Stretches of journals and of those that stand for them (see journal_map.h).
 */
#include "ledger/journal_map.h"

#include "utils/memutils.h"

#define FIRST_CAPACITY 64

void
journal_map_init(JournalMap *map, MemoryContext context)
{
	memset(map, 0, sizeof(JournalMap));
	map->context = context;
	map->capacity = FIRST_CAPACITY;
	map->stretches = MemoryContextAlloc(context, sizeof(JournalStretch) * map->capacity);
}

static JournalStretch *
new_stretch(JournalMap *map)
{
	if (map->count == map->capacity)
	{
		map->capacity *= 2;
		map->stretches =
			repalloc_huge(map->stretches, sizeof(JournalStretch) * (Size) map->capacity);
	}
	return &map->stretches[map->count++];
}

void
journal_map_add(JournalMap *map, JeIds *ids, DateADT month, int64 from, int64 to)
{
	Assert(from < to);
	Assert(map->count == 0 || map->stretches[map->count - 1].to <= from);
	while (from < to)
	{
		int64 taken;
		int64 first = je_id_take_some(ids, month, to - from, &taken);
		JournalStretch *stretch = new_stretch(map);

		stretch->from = from;
		stretch->to = from + taken;
		stretch->first_new = first;
		from += taken;
	}
}

const JournalStretch *
journal_map_search(JournalMap *map, int64 je_id)
{
	int64 low = 0;
	int64 high = map->count;

	/* The first stretch that ends behind it. */
	while (low < high)
	{
		int64 middle = low + (high - low) / 2;

		if (map->stretches[middle].to <= je_id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == map->count || map->stretches[low].from > je_id)
		return NULL;
	map->last = low;
	return &map->stretches[low];
}
