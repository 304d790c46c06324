/*
 * page_reader.c
 *		Reading by page (see page_reader.h).
 */
#include "table/page_reader.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"

void
page_reader_open(PageReader *reader, Relation rel, Snapshot snapshot)
{
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("table %s cannot be read by page", RelationGetRelationName(rel)),
						errdetail("Its access method is not heap.")));
	reader->rel = rel;
	reader->snapshot = snapshot;
	reader->strategy = GetAccessStrategy(BAS_BULKREAD);
	reader->room = palloc(BLCKSZ);
	reader->page = NULL;
}

/*
 * Takes the rows that the snapshot does not see from a copy of a page, as the
 * server's heapgetpage() (15, 16) and heap_prepare_pagescan() (17, 18) leave them
 * out, less what these do for serializable transactions; and what
 * is no row: a redirection is left by pruning on all-visible pages too, and
 * would point to a row that is no longer part of a HOT chain.
 */
static void
remove_unseen(PageReader *reader, Buffer buffer, Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	/* On a standby the bit may be there before older snapshots see the rows. */
	bool all_visible = PageIsAllVisible(page) && !reader->snapshot->takenDuringRecovery;

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

OffsetNumber
page_reader_page_to(PageReader *reader, BlockNumber block, char *target)
{
	Buffer buffer =
		ReadBufferExtended(reader->rel, MAIN_FORKNUM, block, RBM_NORMAL, reader->strategy);
	Page page = (Page) target;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Assert(block < RelationGetNumberOfBlocks(reader->rel));
	memcpy(page, BufferGetPage(buffer), BLCKSZ);
	if (!PageIsNew(page))
		remove_unseen(reader, buffer, page);
	UnlockReleaseBuffer(buffer);
	if (PageIsNew(page))
		PageInit(page, BLCKSZ, 0);
	reader->page = page;
	reader->block = block;
	return PageGetMaxOffsetNumber(page);
}

OffsetNumber
page_reader_page(PageReader *reader, BlockNumber block)
{
	return page_reader_page_to(reader, block, reader->room);
}

bool
page_reader_row(PageReader *reader, OffsetNumber item, HeapTuple tuple)
{
	ItemId id = PageGetItemId(reader->page, item);

	Assert(item <= PageGetMaxOffsetNumber(reader->page));
	if (!ItemIdIsNormal(id))
		return false;
	tuple->t_data = (HeapTupleHeader) PageGetItem(reader->page, id);
	tuple->t_len = ItemIdGetLength(id);
	tuple->t_tableOid = RelationGetRelid(reader->rel);
	ItemPointerSet(&tuple->t_self, reader->block, item);
	return true;
}

void
page_reader_close(PageReader *reader)
{
	FreeAccessStrategy(reader->strategy);
	pfree(reader->room);
}
