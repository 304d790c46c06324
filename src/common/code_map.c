/*
 * code_map.c
 *		Hash tables keyed by codes (see code_map.h).
 */
#include "common/code_map.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#define INLINE_KEY_SIZE 512
#define MIN_INDEX_SIZE  1024 /* a power of two */

/* Of an index; entry NULL: free. */
typedef struct CodeMapSlot
{
	uint32 hash;
	CodeKey *entry;
} CodeMapSlot;

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
	map->index = NULL;
}

static void
make_index(CodeMap *map, uint32 size)
{
	map->index_size = size;
	map->index = MemoryContextAllocExtended(map->context, size * sizeof(CodeMapSlot),
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void
code_map_keep_index(CodeMap *map)
{
	Assert(hash_get_num_entries(map->table) == 0);
	make_index(map, MIN_INDEX_SIZE);
}

static void
add_to_index(CodeMap *map, uint32 hash, CodeKey *entry)
{
	uint32 at = hash & (map->index_size - 1);

	while (map->index[at].entry != NULL)
		at = (at + 1) & (map->index_size - 1);
	map->index[at].hash = hash;
	map->index[at].entry = entry;
}

/* Half of the slots at least are free, so that an entry is near the slot of its hash. */
static void
grow_index(CodeMap *map)
{
	CodeMapSlot *old = map->index;
	uint32 size = map->index_size;

	if (hash_get_num_entries(map->table) <= size / 2 || size > PG_UINT32_MAX / 2)
		return;
	make_index(map, size * 2);
	for (uint32 i = 0; i < size; i++)
		if (old[i].entry != NULL)
			add_to_index(map, old[i].hash, old[i].entry);
	pfree(old);
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

/* By the index. */
static CodeKey *
find_indexed(const CodeMap *map, const CodeKey *key, uint32 hash)
{
	for (uint32 at = hash & (map->index_size - 1); map->index[at].entry != NULL;
		 at = (at + 1) & (map->index_size - 1))
		if (map->index[at].hash == hash &&
			compare_keys(map->index[at].entry, key, sizeof(CodeKey)) == 0)
			return map->index[at].entry;
	return NULL;
}

void *
code_map_find(CodeMap *map, CodeKey *key)
{
	char buffer[INLINE_KEY_SIZE];
	uint32 hash;
	void *entry;

	join_codes(key, buffer);
	hash = hash_key(key, sizeof(CodeKey));
	entry = map->index != NULL
				? (void *) find_indexed(map, key, hash)
				: hash_search_with_hash_value(map->table, key, hash, HASH_FIND, NULL);
	forget_bytes(key, buffer);
	return entry;
}

void *
code_map_enter(CodeMap *map, CodeKey *key, bool *found)
{
	char buffer[INLINE_KEY_SIZE];
	uint32 hash;
	CodeKey *entry;

	join_codes(key, buffer);
	hash = hash_key(key, sizeof(CodeKey));
	entry = map->index != NULL ? find_indexed(map, key, hash) : NULL;
	*found = entry != NULL;
	if (entry == NULL)
		entry = hash_search_with_hash_value(map->table, key, hash, HASH_ENTER, found);
	if (!*found)
	{
		MemoryContext old = MemoryContextSwitchTo(map->context);

		entry->bytes = code_copy(key->bytes);
		for (int i = 0; i < key->ncodes; i++)
			entry->codes[i] = code_copy(key->codes[i]);
		MemoryContextSwitchTo(old);
		memset((char *) entry + sizeof(CodeKey), 0, map->entry_size - sizeof(CodeKey));
		if (map->index != NULL)
		{
			add_to_index(map, hash, entry);
			grow_index(map);
		}
	}
	forget_bytes(key, buffer);
	return entry;
}
