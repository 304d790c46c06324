/*
 * codemap.c
 *		Hash tables keyed by codes (see codemap.h).
 */
#include "codemap.h"

#include "common/hashfn.h"

static uint32
hash_key(const void *data, Size size)
{
	const CodeKey *key = data;
	uint32 hash = (uint32) key->number;

	for (int i = 0; i < key->ncodes; i++)
		hash = hash_combine(
			hash, hash_bytes((const unsigned char *) key->codes[i].data, key->codes[i].len));
	return hash;
}

static int
compare_keys(const void *a, const void *b, Size size)
{
	const CodeKey *x = a;
	const CodeKey *y = b;

	if (x->number != y->number || x->ncodes != y->ncodes)
		return 1;
	for (int i = 0; i < x->ncodes; i++)
		if (!code_equal(x->codes[i], y->codes[i]))
			return 1;
	return 0;
}

void
codemap_init(CodeMap *map, const char *name, Size entry_size, MemoryContext context)
{
	HASHCTL ctl = {0};

	ctl.keysize = sizeof(CodeKey);
	ctl.entrysize = entry_size;
	ctl.hash = hash_key;
	ctl.match = compare_keys;
	ctl.hcxt = context;
	map->table =
		hash_create(name, 256, &ctl, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	map->context = context;
	map->entry_size = entry_size;
}

void *
codemap_find(CodeMap *map, const CodeKey *key)
{
	return hash_search(map->table, key, HASH_FIND, NULL);
}

void *
codemap_enter(CodeMap *map, const CodeKey *key, bool *found)
{
	CodeKey *entry = hash_search(map->table, key, HASH_ENTER, found);

	if (!*found)
	{
		MemoryContext old = MemoryContextSwitchTo(map->context);

		for (int i = 0; i < key->ncodes; i++)
			entry->codes[i] = code_copy(key->codes[i]);
		MemoryContextSwitchTo(old);
		memset((char *) entry + sizeof(CodeKey), 0, map->entry_size - sizeof(CodeKey));
	}
	return entry;
}
