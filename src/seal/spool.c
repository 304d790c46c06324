/*
 * spool.c
 *		Bytes that are put away (see spool.h).
 */
#include "seal/spool.h"

#include "lib/stringinfo.h"
#include "storage/buffile.h"

/* So much stays in memory. */
#define IN_MEMORY (256 * 1024)

struct Spool
{
	MemoryContext context;
	StringInfoData memory;
	BufFile *file; /* NULL: in memory */
	int64 size;    /* of the file */
};

Spool *
spool_open(void)
{
	Spool *spool = palloc0_object(Spool);

	spool->context = CurrentMemoryContext;
	initStringInfo(&spool->memory);
	return spool;
}

Spool *
spool_open_shared(SharedFileSet *set, const char *name)
{
	Spool *spool = palloc0_object(Spool);

	spool->file = BufFileCreateFileSet(&set->fs, name);
	return spool;
}

Spool *
spool_attach(SharedFileSet *set, const char *name)
{
	Spool *spool = palloc0_object(Spool);

	spool->file = BufFileOpenFileSet(&set->fs, name, O_RDONLY, false);
	return spool;
}

int64
spool_put(Spool *spool, const void *data, Size size)
{
	int64 place = spool->file != NULL ? spool->size : spool->memory.len;

	if (spool->file == NULL && spool->memory.len + size <= IN_MEMORY)
	{
		appendBinaryStringInfo(&spool->memory, data, size);
		return place;
	}
	if (spool->file == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(spool->context);

		spool->file = BufFileCreateTemp(false);
		MemoryContextSwitchTo(old);
		BufFileWrite(spool->file, spool->memory.data, spool->memory.len);
		spool->size = spool->memory.len;
		pfree(spool->memory.data);
	}
	BufFileWrite(spool->file, (void *) data, size);
	spool->size += size;
	return place;
}

void
spool_share(Spool *spool)
{
	BufFileExportFileSet(spool->file);
}

void
spool_get(Spool *spool, int64 place, void *data, Size size)
{
	if (spool->file == NULL)
	{
		Assert(place + size <= spool->memory.len);
		memcpy(data, spool->memory.data + place, size);
		return;
	}
	if (BufFileSeek(spool->file, 0, place, SEEK_SET) != 0 ||
		BufFileRead(spool->file, data, size) != size)
		elog(ERROR, "could not read back a temporary file");
}

void
spool_close(Spool *spool)
{
	if (spool->file != NULL)
		BufFileClose(spool->file);
	else
		pfree(spool->memory.data);
	pfree(spool);
}
