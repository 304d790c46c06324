/*
 * code_map.h
 *		Hash tables (the server's dynahash) keyed by a few codes and a number.
 *
 * An entry is a struct that begins with a CodeKey. A new entry's codes are
 * copied into the memory context of the table. Keys are hashed and compared as
 * one string of bytes, the codes with their lengths one after the other.
 */
#ifndef LEDGER_CODE_MAP_H
#define LEDGER_CODE_MAP_H

#include "common/ledger_engine.h"

#include "utils/hsearch.h"

#define CODE_KEY_MAX 5

typedef struct CodeKey
{
	int32 number;
	int32 ncodes;
	Code codes[CODE_KEY_MAX];
	Code bytes; /* set by the functions below */
} CodeKey;

typedef struct CodeMap
{
	HTAB *table;
	MemoryContext context;
	Size entry_size;
	struct CodeMapSlot *index; /* all entries by their hash; NULL: not kept */
	uint32 index_size;         /* a power of two */
} CodeMap;

extern void code_map_init(CodeMap *map, const char *name, Size entry_size, MemoryContext context);

/* Has an index find entries, for a table that is asked once a row; while it is empty. Its entries are never removed. */
extern void code_map_keep_index(CodeMap *map);

/* The entry of a key, or NULL. */
extern void *code_map_find(CodeMap *map, CodeKey *key);

/* The entry of a key; where it is new, all behind the key is zero. */
extern void *code_map_enter(CodeMap *map, CodeKey *key, bool *found);

#endif
