/*
 * new_file.c
 *		Pages of new files (see new_file.h).
 */
#include "table/new_file.h"

#include "common/compat.h"
#include "common/crash_point.h"

#include "access/xlog.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufpage.h"
#include "storage/proc.h"
#include "storage/smgr.h"

#define PAGE_ALIGNMENT 4096

/* Pages that are logged together. */
#define MAX_LOGGED 32

char *
new_file_alloc(int npages)
{
	return (char *) TYPEALIGN(PAGE_ALIGNMENT, palloc((Size) npages * BLCKSZ + PAGE_ALIGNMENT));
}

void
new_file_open(NewFile *file, Relation rel)
{
	file->rel = rel;
	file->redo = GetRedoRecPtr();
}

/* The last block of a file's segment. */
static BlockNumber
segment_end(BlockNumber segment, BlockNumber nblocks)
{
	return Min((segment + 1) * (BlockNumber) RELSEG_SIZE, nblocks) - 1;
}

/* A segment has all its blocks as soon as it has its last one. */
void
new_file_grow(const NewFile *file, BlockNumber from, BlockNumber to)
{
	static pg_attribute_aligned(PAGE_ALIGNMENT) char zeros[BLCKSZ];
	SMgrRelation smgr = RelationGetSmgr(file->rel);

	for (BlockNumber s = from / RELSEG_SIZE; s * (BlockNumber) RELSEG_SIZE < to; s++)
		smgrextend(smgr, MAIN_FORKNUM, segment_end(s, to), zeros, true);
}

void
new_file_write(const NewFile *file, int npages, const BlockNumber *blocks, char *const *pages)
{
	SMgrRelation smgr = RelationGetSmgr(file->rel);

	Assert(npages <= MAX_LOGGED);
	if (RelationNeedsWAL(file->rel))
	{
		BlockNumber logged_blocks[MAX_LOGGED];
		Page logged[MAX_LOGGED];

		for (int i = 0; i < npages; i++)
		{
			logged_blocks[i] = blocks[i];
			logged[i] = (Page) pages[i];
		}
		log_newpages(relation_locator(file->rel), MAIN_FORKNUM, npages, logged_blocks, logged,
					 true);
	}
	for (int i = 0; i < npages; i++)
	{
		Assert(blocks[i] < smgrnblocks(smgr, MAIN_FORKNUM));
		PageSetChecksumInplace((Page) pages[i], blocks[i]);
		smgrwrite(smgr, MAIN_FORKNUM, blocks[i], pages[i], true);
	}
}

/* Asks the next checkpoint to sync each segment, by writing one block of each again. */
static void
register_sync(SMgrRelation smgr, BlockNumber nblocks)
{
	char *page = new_file_alloc(1);

	for (BlockNumber s = 0; s * (BlockNumber) RELSEG_SIZE < nblocks; s++)
	{
		smgrread(smgr, MAIN_FORKNUM, segment_end(s, nblocks), page);
		smgrwrite(smgr, MAIN_FORKNUM, segment_end(s, nblocks), page, false);
	}
}

/* Has the kernel write the file, so that a sync, which no cancel interrupts, finds little left to wait for. */
static void
write_back(SMgrRelation smgr, BlockNumber nblocks)
{
	for (BlockNumber block = 0; block < nblocks; block += FILE_STRETCH)
	{
		CHECK_FOR_INTERRUPTS();
		smgrwriteback(smgr, MAIN_FORKNUM, block, Min(FILE_STRETCH, nblocks - block));
	}
}

void
new_file_sync(const NewFile *file)
{
	SMgrRelation smgr = RelationGetSmgr(file->rel);
	BlockNumber nblocks = smgrnblocks(smgr, MAIN_FORKNUM);

	/* A checkpoint must not begin between asking whether one has begun and asking for the next one. */
	MyProc->delayChkptFlags |= DELAY_CHKPT_START;
	if (file->redo == GetRedoRecPtr() || !RelationNeedsWAL(file->rel))
	{
		CRASH_POINT("post_before_sync");
		register_sync(smgr, nblocks);
		MyProc->delayChkptFlags &= ~DELAY_CHKPT_START;
		CRASH_POINT_LOG("%s: left to the next checkpoint", RelationGetRelationName(file->rel));
	}
	else
	{
		MyProc->delayChkptFlags &= ~DELAY_CHKPT_START;
		write_back(smgr, nblocks);
		smgrimmedsync(smgr, MAIN_FORKNUM);
		CRASH_POINT_LOG("%s: synced at once", RelationGetRelationName(file->rel));
	}
}
