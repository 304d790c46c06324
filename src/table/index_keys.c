/*
 * index_keys.c
 *		Keys that are put away and read in order (see index_keys.h).
 */
#include "table/index_keys.h"

#include "miscadmin.h"
#include "storage/buffile.h"

/* So many keys of a slice take little more than the cache of a processor. */
#define SLICE_KEYS 65536

/* First numbers of a slice that are counted, to put keys in their order; a longer slice is sorted by comparing. */
#define MAX_COUNTED_BITS 20

/* Keys of equal first number that are put in order by insertion. */
#define MAX_INSERTED 32

/* What a chunk of the file has. */
typedef struct KeyChunk
{
	int32 slice;
	int32 count;
} KeyChunk;

/* A slice that is read. */
typedef struct ReadSlice
{
	IndexKey *keys;   /* as they were put away */
	IndexKey *sorted; /* the same in order */
	int64 count;
	int64 room;
	uint32 *starts; /* by first number within the slice: where its keys go */
} ReadSlice;

int
index_keys_bits(int64 nkeys, uint32 limit)
{
	int64 nslices = Max(Min(nkeys / SLICE_KEYS, MAX_KEY_SLICES / 2), 1);
	int bits = 0;

	while ((limit >> bits) >= nslices && bits < 31)
		bits++;
	return bits;
}

IndexKeys *
index_keys_open(int slice_bits, SharedFileSet *set, const char *name)
{
	IndexKeys *keys = palloc0_object(IndexKeys);

	keys->slice_bits = slice_bits;
	keys->slices = palloc0_array(KeySlice, MAX_KEY_SLICES);
	keys->set = set;
	keys->name = pstrdup(name);
	keys->context = CurrentMemoryContext;
	return keys;
}

static void
open_file(IndexKeys *keys)
{
	MemoryContext old = MemoryContextSwitchTo(keys->context);

	keys->file = keys->set != NULL ? BufFileCreateFileSet(&keys->set->fs, keys->name)
								   : BufFileCreateTemp(false);
	keys->max_chunks = 256;
	keys->chunks = palloc_array(KeyChunk, keys->max_chunks);
	MemoryContextSwitchTo(old);
}

static void
put_chunk(IndexKeys *keys, int number)
{
	KeySlice *slice = &keys->slices[number];

	if (keys->file == NULL)
		open_file(keys);
	if (keys->nchunks == keys->max_chunks)
	{
		keys->max_chunks *= 2;
		keys->chunks = repalloc_huge(keys->chunks, keys->max_chunks * sizeof(KeyChunk));
	}
	keys->chunks[keys->nchunks].slice = number;
	keys->chunks[keys->nchunks++].count = slice->count;
	/* Chunks have one size. */
	BufFileWrite(keys->file, slice->keys, KEY_CHUNK * sizeof(IndexKey));
	slice->count = 0;
}

void
index_keys_flush(IndexKeys *keys, int number)
{
	KeySlice *slice = &keys->slices[number];

	if (slice->keys == NULL)
		slice->keys = MemoryContextAllocZero(keys->context, KEY_CHUNK * sizeof(IndexKey));
	else
		put_chunk(keys, number);
}

static char *
chunks_name(const char *name)
{
	return psprintf("%s.chunks", name);
}

/* Puts the numbers of chunks in the order of their slices. */
static void
order_chunks(IndexKeys *keys)
{
	int64 *next = keys->first;

	keys->order = palloc_extended(keys->nchunks * sizeof(int64) + 1, MCXT_ALLOC_HUGE);
	memset(keys->first, 0, sizeof(keys->first));
	for (int64 i = 0; i < keys->nchunks; i++)
		keys->first[keys->chunks[i].slice + 1]++;
	for (int i = 0; i < MAX_KEY_SLICES; i++)
		keys->first[i + 1] += keys->first[i];
	for (int64 i = 0; i < keys->nchunks; i++)
		keys->order[next[keys->chunks[i].slice]++] = i;
	/* Each place now has what the next one had. */
	memmove(&keys->first[1], &keys->first[0], MAX_KEY_SLICES * sizeof(int64));
	keys->first[0] = 0;
}

void
index_keys_end(IndexKeys *keys)
{
	BufFile *chunks;

	for (int i = 0; i < MAX_KEY_SLICES; i++)
		if (keys->slices[i].keys != NULL)
		{
			put_chunk(keys, i);
			pfree(keys->slices[i].keys);
		}
	pfree(keys->slices);
	keys->slices = NULL;
	if (keys->file != NULL)
		order_chunks(keys);
	if (keys->set == NULL || keys->file == NULL)
		return;
	chunks = BufFileCreateFileSet(&keys->set->fs, chunks_name(keys->name));
	BufFileWrite(chunks, &keys->nchunks, sizeof(keys->nchunks));
	BufFileWrite(chunks, keys->chunks, keys->nchunks * sizeof(KeyChunk));
	BufFileExportFileSet(chunks);
	BufFileClose(chunks);
	BufFileExportFileSet(keys->file);
}

static void
read_file(BufFile *file, void *data, Size size)
{
	if (BufFileRead(file, data, size) != size)
		elog(ERROR, "could not read back a temporary file");
}

IndexKeys *
index_keys_attach(int slice_bits, SharedFileSet *set, const char *name)
{
	BufFile *chunks = BufFileOpenFileSet(&set->fs, chunks_name(name), O_RDONLY, true);
	IndexKeys *keys;

	if (chunks == NULL)
		return NULL;
	keys = palloc0_object(IndexKeys);
	keys->slice_bits = slice_bits;
	keys->file = BufFileOpenFileSet(&set->fs, name, O_RDONLY, false);
	read_file(chunks, &keys->nchunks, sizeof(keys->nchunks));
	keys->chunks = palloc_extended(keys->nchunks * sizeof(KeyChunk) + 1, MCXT_ALLOC_HUGE);
	read_file(chunks, keys->chunks, keys->nchunks * sizeof(KeyChunk));
	BufFileClose(chunks);
	order_chunks(keys);
	return keys;
}

void
index_keys_close(IndexKeys *keys)
{
	/* Keys that nobody is to read have no order, and may lie in their slices. */
	for (int i = 0; keys->slices != NULL && i < MAX_KEY_SLICES; i++)
		if (keys->slices[i].keys != NULL)
			pfree(keys->slices[i].keys);
	if (keys->slices != NULL)
		pfree(keys->slices);
	if (keys->order != NULL)
		pfree(keys->order);
	if (keys->file != NULL)
	{
		BufFileClose(keys->file);
		pfree(keys->chunks);
	}
	pfree(keys);
}

static inline int
compare_keys(const void *a, const void *b)
{
	const IndexKey *x = a;
	const IndexKey *y = b;

	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	if (x->minor != y->minor)
		return x->minor < y->minor ? -1 : 1;
	return x->day < y->day ? -1 : x->day > y->day;
}

/* Makes room for the keys of a slice. */
static void
make_room(ReadSlice *slice, int64 count)
{
	if (count <= slice->room)
		return;
	if (slice->keys != NULL)
	{
		pfree(slice->keys);
		pfree(slice->sorted);
	}
	slice->room = count;
	slice->keys = palloc_extended(count * sizeof(IndexKey), MCXT_ALLOC_HUGE);
	slice->sorted = palloc_extended(count * sizeof(IndexKey), MCXT_ALLOC_HUGE);
}

/* Reads what a process put away of a slice. */
static void
read_chunks(const IndexKeys *keys, int number, ReadSlice *slice)
{
	for (int64 i = keys->first[number]; i < keys->first[number + 1]; i++)
	{
		int64 chunk = keys->order[i];
		int64 offset = chunk * KEY_CHUNK * sizeof(IndexKey);

		if (BufFileSeek(keys->file, 0, offset, SEEK_SET) != 0)
			elog(ERROR, "could not seek in a temporary file");
		read_file(keys->file, slice->keys + slice->count,
				  keys->chunks[chunk].count * sizeof(IndexKey));
		slice->count += keys->chunks[chunk].count;
	}
}

/* Reads a slice of all processes; false where it has more keys than it may have. */
static bool
read_slice(IndexKeys **keys, int count, int number, int64 max_keys, ReadSlice *slice)
{
	int64 room = 0;

	for (int p = 0; p < count; p++)
		if (keys[p] != NULL && keys[p]->file != NULL)
			for (int64 i = keys[p]->first[number]; i < keys[p]->first[number + 1]; i++)
				room += keys[p]->chunks[keys[p]->order[i]].count;
	if (room > max_keys)
		return false;
	make_room(slice, room);
	slice->count = 0;
	for (int p = 0; p < count; p++)
		if (keys[p] != NULL && keys[p]->file != NULL)
			read_chunks(keys[p], number, slice);
	Assert(slice->count == room);
	return true;
}

/* Puts keys of equal first number in order. */
static inline void
sort_equal(IndexKey *keys, int64 count)
{
	if (count > MAX_INSERTED)
	{
		qsort(keys, count, sizeof(IndexKey), compare_keys);
		return;
	}
	for (int64 i = 1; i < count; i++)
	{
		IndexKey key = keys[i];
		int64 at = i;

		for (; at > 0 && compare_keys(&keys[at - 1], &key) > 0; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
}

/* Sorts a slice whose first numbers can be counted. */
static void
sort_by_counting(ReadSlice *slice, int bits)
{
	uint32 size = (uint32) 1 << bits;
	uint32 mask = size - 1;
	uint32 *starts = slice->starts;
	uint32 before = 0;

	memset(starts, 0, size * sizeof(uint32));
	for (int64 i = 0; i < slice->count; i++)
		starts[slice->keys[i].major & mask]++;
	for (uint32 i = 0; i < size; i++)
	{
		uint32 count = starts[i];

		starts[i] = before;
		before += count;
	}
	for (int64 i = 0; i < slice->count; i++)
		slice->sorted[starts[slice->keys[i].major & mask]++] = slice->keys[i];
	for (uint32 i = 0; i < size; i++)
	{
		uint32 first = i > 0 ? starts[i - 1] : 0;

		if (starts[i] - first > 1)
			sort_equal(slice->sorted + first, starts[i] - first);
	}
}

static void
sort_slice(ReadSlice *slice, int number, int bits)
{
	/* The last slice has what lies beyond, too. */
	if (bits <= MAX_COUNTED_BITS && number < MAX_KEY_SLICES - 1)
	{
		if (slice->starts == NULL)
			slice->starts = palloc(((Size) 1 << bits) * sizeof(uint32));
		sort_by_counting(slice, bits);
		return;
	}
	memcpy(slice->sorted, slice->keys, slice->count * sizeof(IndexKey));
	qsort(slice->sorted, slice->count, sizeof(IndexKey), compare_keys);
}

bool
index_keys_each(IndexKeys **keys, int count, int64 max_keys, TakeKey take, void *arg)
{
	ReadSlice slice = {0};
	int bits = 0;

	for (int p = 0; p < count; p++)
		if (keys[p] != NULL)
			bits = keys[p]->slice_bits;
	for (int number = 0; number < MAX_KEY_SLICES; number++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!read_slice(keys, count, number, max_keys, &slice))
			return false;
		if (slice.count == 0)
			continue;
		sort_slice(&slice, number, bits);
		for (int64 i = 0; i < slice.count; i++)
		{
			if (i > 0 && compare_keys(&slice.sorted[i - 1], &slice.sorted[i]) >= 0)
				return false;
			take(&slice.sorted[i], arg);
		}
	}
	return true;
}
