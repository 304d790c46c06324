/*
 * stretches.c
 *		Numbers that mostly come one after the other (see stretches.h).
 */
#include "common/stretches.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void
make_room(Stretches *set)
{
	int64 most = (int64) maintenance_work_mem * 1024 / sizeof(Stretch);
	int64 room = set->room == 0 ? 1 : Min(set->room * 2, most);

	if (room <= set->count)
		set->is_full = true;
	else if (set->items == NULL)
		set->items = MemoryContextAlloc(set->context, room * sizeof(Stretch));
	else
		set->items = repalloc_huge(set->items, room * sizeof(Stretch));
	set->room = room;
}

void
stretches_add(Stretches *set, int64 number)
{
	if (set->count > 0 && set->items[set->count - 1].last == number - 1)
	{
		set->items[set->count - 1].last = number;
		return;
	}
	if (set->count == set->room && !set->is_full)
		make_room(set);
	if (!set->is_full)
		set->items[set->count++] = (Stretch){number, number};
}

static int
compare_stretches(const void *a, const void *b)
{
	int64 x = ((const Stretch *) a)->first;
	int64 y = ((const Stretch *) b)->first;

	return x < y ? -1 : x > y;
}

bool
stretches_join(Stretches *set)
{
	int64 joined = 0;

	if (set->is_full)
		return false;
	if (set->count > 1)
		qsort(set->items, set->count, sizeof(Stretch), compare_stretches);
	for (int64 i = 1; i < set->count; i++)
	{
		if (set->items[i].first <= set->items[joined].last)
			return false;
		if (set->items[i].first == set->items[joined].last + 1)
			set->items[joined].last = set->items[i].last;
		else
			set->items[++joined] = set->items[i];
	}
	if (set->count > 0)
		set->count = joined + 1;
	return true;
}
