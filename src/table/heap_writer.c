/*
 * heap_writer.c
 *		Buffered writing by heap_multi_insert (see heap_writer.h).
 *
 * A row is formed once, as a tuple in the buffer, and stored in a heap-tuple
 * slot, so that heap_multi_insert copies it straight to the page. The buffer is
 * full at 1000 rows or 128 kB. Index entries follow the heap rows of a flush, as
 * in COPY (CopyMultiInsertBufferFlush() of the server's copyfrom.c, 15 to 18).
 */
#include "table/heap_writer.h"

#include "common/crash_point.h"

#include "access/heapam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define MAX_BUFFERED_ROWS  1000
#define MAX_BUFFERED_BYTES (128 * 1024)

/* Bytes fill up only to MAX_BUFFERED_BYTES and alignment, then one row more. */
#define BUFFER_SIZE (MAX_BUFFERED_BYTES + MAX_BUFFERED_ROWS * MAXIMUM_ALIGNOF + BLCKSZ)

struct HeapWriter
{
	Relation rel;
	EState *estate;
	ResultRelInfo *result;
	BulkInsertState bulk_insert;
	CommandId command_id;
	int insert_options;
	bool checks_rows;
	bool keeps_indexes;
	bool reads_slots; /* something reads the attributes of buffered rows */

	/* A copy: slots of the relation's own would each be counted, and looked up when they are dropped. */
	TupleDesc descriptor;

	MemoryContext context;       /* of the writer itself */
	MemoryContext batch_context; /* of rows formed by the server, and of heap_multi_insert */
	char *buffer;                /* of rows put together or copied here */
	Size used;                   /* bytes of the buffer */

	TupleTableSlot *slots[MAX_BUFFERED_ROWS];
	HeapTupleData tuples[MAX_BUFFERED_ROWS]; /* what the slots hold */
	int nslots;                              /* made so far */
	int nrows;
	int64 nflushed; /* rows given to heap_multi_insert */
	Size nbytes;
};

HeapWriter *
heap_writer_open(Relation rel, const HeapWriterOptions *options)
{
	HeapWriter *writer = palloc0_object(HeapWriter);

	writer->rel = rel;
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, rel, 0, NULL, 0);
	writer->checks_rows = options->checks_rows;
	writer->keeps_indexes = options->keeps_indexes;
	if (writer->keeps_indexes)
		ExecOpenIndices(writer->result, false);
	writer->reads_slots = writer->keeps_indexes || writer->checks_rows;
	writer->command_id = GetCurrentCommandId(true);
	writer->insert_options =
		rel->rd_createSubid != InvalidSubTransactionId ? HEAP_INSERT_SKIP_FSM : 0;
	/* Made in an outer transaction, it would keep frozen rows of a subtransaction that aborts. */
	if (options->frozen && rel->rd_createSubid == GetCurrentSubTransactionId())
		writer->insert_options |= HEAP_INSERT_FROZEN;
	writer->bulk_insert = GetBulkInsertState();
	writer->context = CurrentMemoryContext;
	writer->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	writer->buffer = palloc(BUFFER_SIZE);
	writer->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "heap writer batch", ALLOCSET_DEFAULT_SIZES);
	return writer;
}

bool
heap_writer_only_stores(const HeapWriter *writer)
{
	if (writer->checks_rows)
		return false;
	for (int i = 0; writer->keeps_indexes && i < writer->result->ri_NumIndices; i++)
	{
		IndexInfo *index = writer->result->ri_IndexRelationInfo[i];

		if (index->ii_Expressions != NIL || index->ii_Predicate != NIL)
			return false;
	}
	return true;
}

static void
flush(HeapWriter *writer)
{
	MemoryContext old;

	if (writer->nrows == 0)
		return;
	Assert(writer->nrows <= MAX_BUFFERED_ROWS && writer->used <= BUFFER_SIZE);

	if (writer->checks_rows)
		for (int i = 0; i < writer->nrows; i++)
		{
			ExecConstraints(writer->result, writer->slots[i], writer->estate);
			ResetPerTupleExprContext(writer->estate);
		}

	/* The arrays that heap_multi_insert makes are freed with the rows. */
	old = MemoryContextSwitchTo(writer->batch_context);
	heap_multi_insert(writer->rel, writer->slots, writer->nrows, writer->command_id,
					  writer->insert_options, writer->bulk_insert);
	MemoryContextSwitchTo(old);
	if (writer->keeps_indexes)
		CRASH_POINT("post_heap_rows");

	for (int i = 0; writer->keeps_indexes && i < writer->nrows; i++)
	{
		insert_index_tuples(writer->result, writer->slots[i], writer->estate);
		ResetPerTupleExprContext(writer->estate);
	}
	MemoryContextReset(writer->batch_context);
	writer->nflushed += writer->nrows;
	writer->nrows = 0;
	writer->nbytes = 0;
	writer->used = 0;
	CHECK_FOR_INTERRUPTS();
}

/*
 * Stores tuples[i] in slots[i]. The slot is told that it owns the tuple: else
 * heap_multi_insert would have it copy the tuple first. It must not be cleared
 * while it is told so.
 */
static void
store_in_slot(HeapWriter *writer, int i)
{
	writer->slots[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
	ExecStoreHeapTuple(&writer->tuples[i], writer->slots[i], false);
	writer->slots[i]->tts_tableOid = RelationGetRelid(writer->rel);
	writer->slots[i]->tts_flags |= TTS_FLAG_SHOULDFREE;
}

static void
make_slot(HeapWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(writer->context);
	int i = writer->nslots++;

	writer->slots[i] = MakeSingleTupleTableSlot(writer->descriptor, &TTSOpsHeapTuple);
	writer->tuples[i].t_tableOid = RelationGetRelid(writer->rel);
	ItemPointerSetInvalid(&writer->tuples[i].t_self);
	store_in_slot(writer, i);
	MemoryContextSwitchTo(old);
}

/* Adds a tuple whose bytes stay where they are until the next flush. */
static inline void
add(HeapWriter *writer, HeapTupleHeader data, uint32 size)
{
	int i = writer->nrows;

	Assert(i < MAX_BUFFERED_ROWS && size > SizeofHeapTupleHeader);
	CRASH_POINT_ROW();
	writer->tuples[i].t_data = data;
	writer->tuples[i].t_len = size;
	/* Where nothing reads the slot's attributes, it goes on holding the same HeapTupleData. */
	if (unlikely(i == writer->nslots))
		make_slot(writer);
	else if (writer->reads_slots)
		store_in_slot(writer, i);
	writer->nrows++;
	writer->nbytes += size;
	if (writer->nrows == MAX_BUFFERED_ROWS || writer->nbytes >= MAX_BUFFERED_BYTES)
		flush(writer);
}

void
heap_writer_put(HeapWriter *writer, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(writer->batch_context);
	HeapTuple tuple =
		heap_form_tuple(RelationGetDescr(writer->rel), (Datum *) values, (bool *) isnull);

	MemoryContextSwitchTo(old);
	add(writer, tuple->t_data, tuple->t_len);
}

void
heap_writer_put_row(HeapWriter *writer, HeapTupleHeader row, uint32 size)
{
	if (unlikely(size > BUFFER_SIZE))
	{
		add(writer, memcpy(MemoryContextAlloc(writer->batch_context, size), row, size), size);
		return;
	}
	if (writer->used + size > BUFFER_SIZE)
		flush(writer);
	memcpy(writer->buffer + writer->used, row, size);
	row = (HeapTupleHeader) (writer->buffer + writer->used);
	writer->used += MAXALIGN(size);
	add(writer, row, size);
}

int64
heap_writer_close(HeapWriter *writer)
{
	int64 nrows;

	flush(writer);
	Assert(writer->nrows == 0);
	nrows = writer->nflushed;
	for (int i = 0; i < writer->nslots; i++)
	{
		writer->slots[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	}
	FreeTupleDesc(writer->descriptor);
	FreeBulkInsertState(writer->bulk_insert);
	if (writer->keeps_indexes)
		ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	MemoryContextDelete(writer->batch_context);
	pfree(writer->buffer);
	pfree(writer);
	return nrows;
}
