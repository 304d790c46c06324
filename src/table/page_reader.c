/*
 * page_reader.c
 *		Reading by page (see page_reader.h).
 */
#include "table/page_reader.h"

#include "access/heapam.h"
#include "access/htup_details.h"

void
page_reader_open(PageReader *reader, Relation rel, Snapshot snapshot)
{
	reader->rel = rel;
	reader->snapshot = snapshot;
	reader->strategy = GetAccessStrategy(BAS_BULKREAD);
}

/*
 * Takes the rows that the snapshot does not see from a copy of a page, and what
 * is no row: a redirection is left by pruning on all-visible pages too, and
 * would point to a row that is no longer part of a HOT chain.
 */
static void
remove_unseen(PageReader *reader, Buffer buffer, Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	bool all_visible = PageIsAllVisible(page);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		ItemId item = PageGetItemId(page, i);
		HeapTupleData tuple;

		if (ItemIdIsNormal(item))
		{
			Page original = BufferGetPage(buffer);

			if (all_visible)
				continue;
			tuple.t_data = (HeapTupleHeader) PageGetItem(original, PageGetItemId(original, i));
			tuple.t_len = ItemIdGetLength(item);
			tuple.t_tableOid = RelationGetRelid(reader->rel);
			ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), i);
			if (HeapTupleSatisfiesVisibility(&tuple, reader->snapshot, buffer))
				continue;
		}
		ItemIdSetUnused(item);
	}
	((PageHeader) page)->pd_prune_xid = InvalidTransactionId;
}

bool
page_reader_page(PageReader *reader, BlockNumber block, char *page)
{
	Buffer buffer =
		ReadBufferExtended(reader->rel, MAIN_FORKNUM, block, RBM_NORMAL, reader->strategy);
	bool has_rows;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Assert(block < RelationGetNumberOfBlocks(reader->rel));
	memcpy(page, BufferGetPage(buffer), BLCKSZ);
	if (!PageIsNew((Page) page))
		remove_unseen(reader, buffer, (Page) page);
	UnlockReleaseBuffer(buffer);
	has_rows = !PageIsNew((Page) page) && PageGetMaxOffsetNumber((Page) page) > 0;
	if (PageIsNew((Page) page))
		PageInit((Page) page, BLCKSZ, 0);
	return has_rows;
}

bool
page_reader_row(PageReader *reader, char *page, OffsetNumber item, HeapTuple tuple)
{
	ItemId id = PageGetItemId((Page) page, item);

	Assert(item <= PageGetMaxOffsetNumber((Page) page));
	if (!ItemIdIsNormal(id))
		return false;
	tuple->t_data = (HeapTupleHeader) PageGetItem((Page) page, id);
	tuple->t_len = ItemIdGetLength(id);
	tuple->t_tableOid = RelationGetRelid(reader->rel);
	ItemPointerSetInvalid(&tuple->t_self);
	return true;
}

void
page_reader_close(PageReader *reader)
{
	FreeAccessStrategy(reader->strategy);
}
