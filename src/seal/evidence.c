/*
 * evidence.c
 *		Evidence of seals (see evidence.h).
 */
#include "seal/evidence.h"

#include "common/query.h"
#include "seal/bytes.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_evidence_blocks);
LEDGER_FUNCTION(ledger_evidence_sections);

#define MAGIC_SIZE 4

/* The data of a section are no longer than this: three codes, and the rest. */
#define MAX_SECTION 2048

/* A block, without its head, is no longer. */
#define MAX_BLOCK (ROWS_IN_BLOCK * sizeof(uint16))

/* Bytes on their way to the table. */
typedef struct PartWriter
{
	int64 seal_id;
	int32 part_no;
	StringInfoData part; /* begins with the header of a bytea */
} PartWriter;

static void
begin_part(PartWriter *writer)
{
	resetStringInfo(&writer->part);
	bytes_put_u32(&writer->part, 0);
}

static void
end_part(PartWriter *writer)
{
	QueryArgs args = {0};

	SET_VARSIZE(writer->part.data, writer->part.len);
	query_arg(&args, INT8OID, Int64GetDatum(writer->seal_id));
	query_arg(&args, INT4OID, Int32GetDatum(++writer->part_no));
	query_arg(&args, BYTEAOID, PointerGetDatum(writer->part.data));
	query_change(
		"INSERT INTO acct.ledger_seal_evidence (seal_id, part_no, data) VALUES ($1, $2, $3)",
		&args);
	begin_part(writer);
}

static void
put(PartWriter *writer, const char *data, int size)
{
	while (size > 0)
	{
		int room = VARHDRSZ + EVIDENCE_PART - writer->part.len;
		int n = Min(size, room);

		bytes_put(&writer->part, data, n);
		data += n;
		size -= n;
		if (n == room)
			end_part(writer);
	}
}

static int
rows_of_block(const SectionRecord *record, int64 number)
{
	return Min(record->rows - number * ROWS_IN_BLOCK, ROWS_IN_BLOCK);
}

static void
put_sections(PartWriter *writer, const BookSeal *book)
{
	StringInfoData bytes;
	StringInfoData data;

	initStringInfo(&bytes);
	initStringInfo(&data);
	bytes_put(&bytes, EVIDENCE_MAGIC, MAGIC_SIZE);
	bytes_put_u32(&bytes, book->nsections);
	put(writer, bytes.data, bytes.len);
	for (int i = 0; i < book->nsections; i++)
	{
		resetStringInfo(&bytes);
		resetStringInfo(&data);
		section_put_data(book->sections[i], &data);
		bytes_put_u32(&bytes, data.len);
		bytes_put(&bytes, data.data, data.len);
		put(writer, bytes.data, bytes.len);
	}
	pfree(data.data);
	pfree(bytes.data);
}

/* The blocks of a section: the heads of all, then what tells the rows apart. */
static void
put_blocks(PartWriter *writer, const SectionRecord *record, Spool *spool)
{
	char bytes[MAX_BLOCK];

	for (int64 n = 0; n < section_nblocks(record); n++)
	{
		CHECK_FOR_INTERRUPTS();
		spool_get(spool, record->blocks[n], bytes, BLOCK_HEAD_SIZE);
		put(writer, bytes, BLOCK_HEAD_SIZE);
	}
	for (int64 n = 0; n < section_nblocks(record); n++)
	{
		uint32 size = section_block_rows_size(rows_of_block(record, n));

		CHECK_FOR_INTERRUPTS();
		spool_get(spool, record->blocks[n] + BLOCK_HEAD_SIZE, bytes, size);
		put(writer, bytes, size);
	}
}

void
evidence_write(int64 seal_id, const BookSeal *book, Spool *spool)
{
	PartWriter writer = {seal_id};

	initStringInfo(&writer.part);
	begin_part(&writer);
	put_sections(&writer, book);
	for (int i = 0; i < book->nsections; i++)
		put_blocks(&writer, book->sections[i], spool);
	if (writer.part.len > VARHDRSZ)
		end_part(&writer);
	pfree(writer.part.data);
}

static void
take_part(TupleTableSlot *slot, void *arg)
{
	Evidence *evidence = arg;
	Datum value = query_value(slot, 0, (Datum) 0);
	bytea *data;

	if (value == (Datum) 0)
		return;
	data = DatumGetByteaPP(value);
	bytes_put(&evidence->part, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
}

/* Gets at a part; false where it is missing. */
static bool
turn_to(Evidence *evidence, int32 part_no)
{
	QueryArgs args = {0};

	if (evidence->part_no == part_no)
		return evidence->part.len > 0;
	resetStringInfo(&evidence->part);
	evidence->part_no = part_no;
	query_arg(&args, INT8OID, Int64GetDatum(evidence->seal_id));
	query_arg(&args, INT4OID, Int32GetDatum(part_no));
	query_each_row_kept(
		"SELECT data FROM acct.ledger_seal_evidence WHERE seal_id = $1 AND part_no = $2", &args,
		take_part, evidence);
	return evidence->part.len > 0;
}

/* Reads bytes from a place on; false where they are not there. */
static bool
get(Evidence *evidence, int64 place, char *data, int size)
{
	while (size > 0)
	{
		int from = place % EVIDENCE_PART;
		int n = Min(size, EVIDENCE_PART - from);

		if (place < 0 || place / EVIDENCE_PART >= PG_INT32_MAX ||
			!turn_to(evidence, place / EVIDENCE_PART + 1) || from + n > evidence->part.len)
			return false;
		memcpy(data, evidence->part.data + from, n);
		data += n;
		place += n;
		size -= n;
	}
	return true;
}

static int64
blocks_size(const SectionRecord *record)
{
	StaticAssertStmt(BLOCK_HEAD_SIZE <= MAX_BLOCK, "a head has room where a block has");
	return section_nblocks(record) * BLOCK_HEAD_SIZE + record->rows * section_block_rows_size(1);
}

static bool
read_sections(Evidence *evidence)
{
	char bytes[MAX_SECTION];
	int64 place = MAGIC_SIZE + sizeof(uint32);

	if (!get(evidence, 0, bytes, place) || memcmp(bytes, EVIDENCE_MAGIC, MAGIC_SIZE) != 0)
		return false;
	evidence->nsections = bytes_get_u32(bytes + MAGIC_SIZE);
	if (evidence->nsections < 0 ||
		evidence->nsections >= MaxAllocHugeSize / sizeof(EvidenceSection))
		return false;
	/* Not all at once: the number may be anything. */
	evidence->sections = NULL;
	for (int i = 0; i < evidence->nsections; i++)
	{
		uint32 size;

		if (!get(evidence, place, bytes, sizeof(uint32)))
			return false;
		size = bytes_get_u32(bytes);
		place += sizeof(uint32);
		if (size > MAX_SECTION || !get(evidence, place, bytes, size))
			return false;
		place += size;
		if (i == 0)
			evidence->sections = palloc_array(EvidenceSection, 1);
		else if ((i & (i - 1)) == 0)
			evidence->sections =
				repalloc_huge(evidence->sections, (Size) i * 2 * sizeof(EvidenceSection));
		if (!section_get_data(&evidence->sections[i].record, bytes, size))
			return false;
	}
	for (int i = 0; i < evidence->nsections; i++)
	{
		evidence->sections[i].place = place;
		place += blocks_size(&evidence->sections[i].record);
	}
	return true;
}

Evidence *
evidence_open(int64 seal_id)
{
	Evidence *evidence = palloc0_object(Evidence);

	evidence->seal_id = seal_id;
	initStringInfo(&evidence->part);
	return read_sections(evidence) ? evidence : NULL;
}

bool
evidence_head(Evidence *evidence, int section, int64 number, SectionBlock *block)
{
	const EvidenceSection *found = &evidence->sections[section];
	char head[BLOCK_HEAD_SIZE];

	if (number < 0 || number >= section_nblocks(&found->record) ||
		!get(evidence, found->place + number * BLOCK_HEAD_SIZE, head, BLOCK_HEAD_SIZE))
		return false;
	section_block_get_head(block, head);
	block->nrows = rows_of_block(&found->record, number);
	return true;
}

bool
evidence_rows(Evidence *evidence, int section, int64 number, SectionBlock *block)
{
	const EvidenceSection *found = &evidence->sections[section];
	int64 place = found->place + section_nblocks(&found->record) * BLOCK_HEAD_SIZE +
				  number * section_block_rows_size(ROWS_IN_BLOCK);
	char rows[MAX_BLOCK];

	if (number < 0 || number >= section_nblocks(&found->record))
		return false;
	block->nrows = rows_of_block(&found->record, number);
	if (!get(evidence, place, rows, section_block_rows_size(block->nrows)))
		return false;
	section_block_get_rows(block, rows, block->nrows);
	return true;
}

static Datum
text_of(Code utf8)
{
	return code_to_datum(form_code_back(utf8));
}

Datum
ledger_evidence_sections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Evidence *evidence;
	StringInfoData data;

	InitMaterializedSRF(fcinfo, 0);
	initStringInfo(&data);
	query_open();
	evidence = evidence_open(PG_GETARG_INT64(0));
	for (int i = 0; evidence != NULL && i < evidence->nsections; i++)
	{
		const SectionRecord *record = &evidence->sections[i].record;
		Datum values[11];
		bool isnull[11] = {false};

		CHECK_FOR_INTERRUPTS();
		resetStringInfo(&data);
		section_put_data(record, &data);
		values[0] = Int32GetDatum(i);
		values[1] = Int16GetDatum(record->key.kind);
		values[2] = DateADTGetDatum(record->key.month);
		values[3] = text_of(record->key.fund);
		values[4] = text_of(record->key.account);
		values[5] = text_of(record->key.currency);
		values[6] = Int64GetDatum(record->rows);
		values[7] = amount_to_new_numeric(record->debit);
		values[8] = amount_to_new_numeric(record->credit);
		values[9] = bytes_to_datum(record->root.bytes, HASH_SIZE);
		values[10] = bytes_to_datum(data.data, data.len);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	query_close();
	return (Datum) 0;
}

/* Arguments: the seal, and the number of a section in its evidence. */
Datum
ledger_evidence_blocks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int section = PG_GETARG_INT32(1);
	Evidence *evidence;
	SectionBlock *block = palloc_object(SectionBlock);

	InitMaterializedSRF(fcinfo, 0);
	query_open();
	evidence = evidence_open(PG_GETARG_INT64(0));
	for (int64 n = 0; evidence != NULL && section >= 0 && section < evidence->nsections &&
					  evidence_head(evidence, section, n, block);
		 n++)
	{
		Datum values[4];
		bool isnull[4] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = Int64GetDatum(n);
		values[1] = Int64GetDatum(block->first_je_id);
		values[2] = Int16GetDatum(block->first_line_no);
		values[3] = bytes_to_datum(block->hash.bytes, HASH_SIZE);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
		pfree(DatumGetPointer(values[3]));
	}
	query_close();
	return (Datum) 0;
}
