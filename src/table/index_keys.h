/*
 * index_keys.h
 *		Keys of rows, put away while the rows are written, and read in order once
 *		all are.
 *
 * A key is two numbers and a day. Keys go to a temporary file by slices of their
 * first number, so that each slice is sorted by itself in memory. Several
 * processes put keys away, each to a file of its own, and another one may read
 * them all.
 *
 * Memory: 8 kB for each slice while keys are put, of MAX_KEY_SLICES at most; a
 * slice, twice, while they are read.
 */
#ifndef LEDGER_INDEX_KEYS_H
#define LEDGER_INDEX_KEYS_H

#include "common/ledger_engine.h"

#include "storage/block.h"
#include "storage/off.h"
#include "storage/sharedfileset.h"

#define MAX_KEY_SLICES 1024

/* Keys that are put away at once. */
#define KEY_CHUNK 512

/* In the order of major, minor and day; and where the row is. */
typedef struct IndexKey
{
	uint32 major;
	uint32 minor;
	BlockNumber block;
	OffsetNumber offset;
	uint16 day;
} IndexKey;

/* Keys of a slice that are not put away yet. */
typedef struct KeySlice
{
	IndexKey *keys; /* NULL: there were none so far */
	int count;
} KeySlice;

typedef struct IndexKeys
{
	int slice_bits;
	KeySlice *slices; /* MAX_KEY_SLICES; the last one has all that lie beyond, too */
	struct BufFile *file;
	SharedFileSet *set; /* NULL: this process alone reads them */
	char *name;
	int64 nchunks;
	int64 max_chunks;
	struct KeyChunk *chunks;
	MemoryContext context;
	/* Once all are put: the numbers of chunks by slice, and where those of each slice begin. */
	int64 *order;
	int64 first[MAX_KEY_SLICES + 1];
} IndexKeys;

/* The slices for so many keys whose first numbers are below a limit, as their number of bits that count within a slice. */
extern int index_keys_bits(int64 nkeys, uint32 limit);

/* Keys that this process reads, where set is NULL, or that others read by the name. */
extern IndexKeys *index_keys_open(int slice_bits, SharedFileSet *set, const char *name);

extern void index_keys_flush(IndexKeys *keys, int slice);

static inline void
index_keys_put(IndexKeys *keys, const IndexKey *key)
{
	int number = Min(key->major >> keys->slice_bits, MAX_KEY_SLICES - 1);
	KeySlice *slice = &keys->slices[number];

	if (unlikely(slice->keys == NULL || slice->count == KEY_CHUNK))
		index_keys_flush(keys, number);
	slice->keys[slice->count++] = *key;
}

/* Puts away what is left, for others to read where they do; nothing more is put. */
extern void index_keys_end(IndexKeys *keys);

/* Keys that another process put away. NULL: it put away none. */
extern IndexKeys *index_keys_attach(int slice_bits, SharedFileSet *set, const char *name);

/* Also before index_keys_end(), where the keys are not needed after all. */
extern void index_keys_close(IndexKeys *keys);

/*
 * Calls a function for each key of several processes, in order; some of them may
 * be NULL. False where a key comes twice, or a slice has more than max_keys.
 */
typedef void (*TakeKey)(const IndexKey *key, void *arg);
extern bool index_keys_each(IndexKeys **keys, int count, int64 max_keys, TakeKey take, void *arg);

#endif
