/*
 * journal_map.h
 *		Which journal stands for which: identifiers of journals that are reversed
 *		to those of their reversals.
 *
 * Journals come in stretches of identifiers that follow each other, and so do
 * their reversals: what is kept is a stretch, not a journal. A complete run of its
 * own range is one stretch.
 */
#ifndef LEDGER_JOURNAL_MAP_H
#define LEDGER_JOURNAL_MAP_H

#include "ledger/je_id.h"

typedef struct JournalStretch
{
	int64 from;
	int64 to; /* exclusive */
	int64 first_new;
} JournalStretch;

typedef struct JournalMap
{
	MemoryContext context;
	JournalStretch *stretches; /* in ascending order */
	int64 count;
	int64 capacity;
	int64 last; /* found */
} JournalMap;

extern void journal_map_init(JournalMap *map, MemoryContext context);

/* Gives the journals from one identifier to another (exclusive) new ones, for a month. To be called in ascending order. */
extern void journal_map_add(JournalMap *map, JeIds *ids, DateADT month, int64 from, int64 to);

/* The stretch that an identifier lies in, or NULL. */
extern const JournalStretch *journal_map_search(JournalMap *map, int64 je_id);

/* The identifier that stands for another one; false where there is none. */
static inline bool
journal_map_find(JournalMap *map, int64 je_id, int64 *new_id)
{
	const JournalStretch *stretch = &map->stretches[map->last];

	if (unlikely(map->count == 0 || je_id < stretch->from || je_id >= stretch->to))
	{
		stretch = journal_map_search(map, je_id);
		if (stretch == NULL)
			return false;
	}
	*new_id = stretch->first_new + (je_id - stretch->from);
	return true;
}

#endif
