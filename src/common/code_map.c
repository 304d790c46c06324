/*
 * code_map.c
 *		Hash tables keyed by codes (see code_map.h).
 */
#include "common/code_map.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#define INLINE_KEY_SIZE 512
#define RECENT_ENTRIES  16384 /* a power of two */

static uint32
hash_key(const void *data, Size size)
{
	const CodeKey *key = data;

	return hash_combine((uint32) key->number,
						hash_bytes((const unsigned char *) key->bytes.data, key->bytes.len));
}

static int
compare_keys(const void *a, const void *b, Size size)
{
	const CodeKey *x = a;
	const CodeKey *y = b;

	return x->number != y->number || !code_equal(x->bytes, y->bytes);
}

void
code_map_init(CodeMap *map, const char *name, Size entry_size, MemoryContext context)
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
	map->recent = NULL;
}

void
code_map_keep_recent(CodeMap *map)
{
	map->recent = MemoryContextAllocZero(map->context, RECENT_ENTRIES * sizeof(CodeKey *));
}

/* Makes key->bytes, in buffer if they fit it. */
static inline void
join_codes(CodeKey *key, char buffer[INLINE_KEY_SIZE])
{
	char *bytes = buffer;
	int size = 0;

	for (int i = 0; i < key->ncodes; i++)
		size += sizeof(int) + key->codes[i].len;
	if (unlikely(size > INLINE_KEY_SIZE))
		bytes = palloc(size);
	key->bytes.data = bytes;
	key->bytes.len = size;
	for (int i = 0; i < key->ncodes; i++)
	{
		memcpy(bytes, &key->codes[i].len, sizeof(int));
		memcpy(bytes + sizeof(int), key->codes[i].data, key->codes[i].len);
		bytes += sizeof(int) + key->codes[i].len;
	}
}

static inline void
forget_bytes(CodeKey *key, char buffer[INLINE_KEY_SIZE])
{
	if (unlikely(key->bytes.data != buffer))
		pfree((char *) key->bytes.data);
}

static void *
find_entry(CodeMap *map, CodeKey *key)
{
	uint32 hash = hash_key(key, sizeof(CodeKey));
	CodeKey **recent = map->recent ? &map->recent[hash & (RECENT_ENTRIES - 1)] : NULL;
	CodeKey *entry;

	if (recent != NULL && *recent != NULL && compare_keys(*recent, key, sizeof(CodeKey)) == 0)
		return *recent;
	entry = hash_search_with_hash_value(map->table, key, hash, HASH_FIND, NULL);
	if (recent != NULL && entry != NULL)
		*recent = entry;
	return entry;
}

void *
code_map_find(CodeMap *map, CodeKey *key)
{
	char buffer[INLINE_KEY_SIZE];
	void *entry;

	join_codes(key, buffer);
	entry = find_entry(map, key);
	forget_bytes(key, buffer);
	return entry;
}

void *
code_map_enter(CodeMap *map, CodeKey *key, bool *found)
{
	char buffer[INLINE_KEY_SIZE];
	CodeKey *entry;

	join_codes(key, buffer);
	entry = hash_search(map->table, key, HASH_ENTER, found);
	if (!*found)
	{
		MemoryContext old = MemoryContextSwitchTo(map->context);

		entry->bytes = code_copy(key->bytes);
		for (int i = 0; i < key->ncodes; i++)
			entry->codes[i] = code_copy(key->codes[i]);
		MemoryContextSwitchTo(old);
		memset((char *) entry + sizeof(CodeKey), 0, map->entry_size - sizeof(CodeKey));
	}
	forget_bytes(key, buffer);
	return entry;
}
