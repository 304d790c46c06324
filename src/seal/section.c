/*
 * section.c
 *		Sections of seals (see section.h).
 */
#include "seal/section.h"

#include "seal/bytes.h"

#define SECTION    "LEs1"
#define MAGIC_SIZE 4

/* A section with more rows is none. */
#define MAX_ROWS (INT64CONST(1) << 48)

struct Section
{
	SectionKey key;
	const RowForm *form;
	Hasher *hasher;
	Spool *spool;
	int64 rows;
	Amount debit;
	Amount credit;
	/* The row added last. */
	int64 last_je_id;
	int16 last_line_no;
	StringInfoData last_number;
	LeafWriter leaf;
	MerkleTree subtree; /* of the leaves of the block */
	MerkleTree tree;    /* of the blocks */
	SectionBlock block;
	int64 nblocks;
	int64 max_blocks;
	int64 *blocks;
};

static void
begin_block(Section *section)
{
	merkle_init(&section->subtree, section->hasher);
	section->block.nrows = 0;
	memset(section->block.checksums, 0, sizeof(section->block.checksums));
}

void
section_open_leaves(LeafWriter *leaf, RowKind kind, MerkleTree *tree)
{
	if (kind == ROW_HEADER)
		leaf_open(leaf, HEADER_LEAF, HEADERS_IN_LEAF, tree);
	else
		leaf_open(leaf, LINE_LEAF, LINES_IN_LEAF, tree);
}

Section *
section_open(const SectionKey *key, const RowForm *form, Hasher *hasher, Spool *spool)
{
	Section *section = palloc0_object(Section);

	section->key.kind = key->kind;
	section->key.month = key->month;
	section->key.entity = form_code(key->entity);
	section->key.basis = form_code(key->basis);
	section->key.fund = form_code(key->fund);
	section->key.account = form_code(key->account);
	section->key.currency = form_code(key->currency);
	section->form = form;
	section->hasher = hasher;
	section->spool = spool;
	StaticAssertStmt(ROWS_IN_BLOCK % HEADERS_IN_LEAF == 0 && ROWS_IN_BLOCK % LINES_IN_LEAF == 0,
					 "a block is some leaves");
	section_open_leaves(&section->leaf, key->kind, &section->subtree);
	initStringInfo(&section->last_number);
	section->max_blocks = 1;
	section->blocks = palloc_array(int64, section->max_blocks);
	merkle_init(&section->tree, hasher);
	begin_block(section);
	return section;
}

static void
put_block(const SectionBlock *block, StringInfo target)
{
	bytes_put_u64(target, (uint64) block->first_je_id);
	bytes_put_u16(target, (uint16) block->first_line_no);
	bytes_put(target, block->hash.bytes, HASH_SIZE);
	for (int i = 0; i < COLUMN_GROUPS; i++)
		bytes_put_u32(target, block->checksums[i]);
	for (int i = 0; i < block->nrows; i++)
		bytes_put_u16(target, block->row_checksums[i]);
}

static void
end_block(Section *section)
{
	SectionBlock *block = &section->block;
	StringInfoData bytes;

	block->hash = merkle_root(&section->subtree);
	merkle_append(&section->tree, &block->hash);
	if (section->nblocks == section->max_blocks)
	{
		section->max_blocks *= 2;
		section->blocks = repalloc_huge(section->blocks, section->max_blocks * sizeof(int64));
	}
	initStringInfo(&bytes);
	put_block(block, &bytes);
	section->blocks[section->nblocks++] = spool_put(section->spool, bytes.data, bytes.len);
	pfree(bytes.data);
	begin_block(section);
}

/* Does a row come after the one that was added last? Keys are equal only where somebody doubled a row. */
static bool
comes_next(const Section *section, const RowKey *key)
{
	int by_number;

	if (section->rows == 0)
		return true;
	if (section->key.kind == ROW_LINE)
		return key->je_id > section->last_je_id ||
			   (key->je_id == section->last_je_id && key->line_no >= section->last_line_no);
	by_number =
		code_compare(key->je_number, (Code){section->last_number.data, section->last_number.len});
	return by_number > 0 || (by_number == 0 && key->je_id >= section->last_je_id);
}

bool
section_add(Section *section, const RowKey *key, const char *row, uint32 size)
{
	SectionBlock *block = &section->block;

	if (unlikely(!comes_next(section, key)))
		return false;
	section->last_je_id = key->je_id;
	section->last_line_no = key->line_no;
	if (section->key.kind == ROW_HEADER)
	{
		resetStringInfo(&section->last_number);
		bytes_put(&section->last_number, key->je_number.data, key->je_number.len);
	}
	if (block->nrows == 0)
	{
		block->first_je_id = key->je_id;
		block->first_line_no = section->key.kind == ROW_LINE ? key->line_no : 0;
	}
	block->row_checksums[block->nrows++] =
		form_add_checksums(section->form, row, size, block->checksums);
	leaf_add(&section->leaf, row, size);
	section->rows++;
	section->debit += key->debit;
	section->credit += key->credit;
	if (block->nrows == ROWS_IN_BLOCK)
		end_block(section);
	return true;
}

SectionRecord *
section_close(Section *section)
{
	SectionRecord *record = palloc0_object(SectionRecord);

	leaf_end(&section->leaf);
	if (section->block.nrows > 0)
		end_block(section);
	record->key = section->key;
	record->rows = section->rows;
	record->debit = section->debit;
	record->credit = section->credit;
	record->root = merkle_root(&section->tree);
	record->blocks = section->blocks;
	Assert(section->nblocks == section_nblocks(record));
	section->blocks = NULL;
	section_discard(section);
	return record;
}

void
section_discard(Section *section)
{
	if (section->blocks != NULL)
		pfree(section->blocks);
	leaf_close(&section->leaf);
	pfree(section->last_number.data);
	pfree(section);
}

static void
save_code(Code code, Spool *records)
{
	spool_put(records, &code.len, sizeof(code.len));
	spool_put(records, code.data, code.len);
}

static Code
load_code(Spool *records, int64 *place)
{
	Code code;
	char *data;

	spool_get(records, *place, &code.len, sizeof(code.len));
	data = palloc0(code.len + 1);
	spool_get(records, *place + sizeof(code.len), data, code.len);
	*place += sizeof(code.len) + code.len;
	code.data = data;
	return code;
}

void
section_save(const SectionRecord *record, Spool *records)
{
	spool_put(records, record, sizeof(SectionRecord));
	save_code(record->key.entity, records);
	save_code(record->key.basis, records);
	save_code(record->key.fund, records);
	save_code(record->key.account, records);
	save_code(record->key.currency, records);
	spool_put(records, record->blocks, section_nblocks(record) * sizeof(int64));
}

SectionRecord *
section_load(Spool *records, int64 *place, Spool *from, Spool *to)
{
	SectionRecord *record = palloc_object(SectionRecord);
	char *block = palloc(section_block_size(ROWS_IN_BLOCK));
	int64 nblocks;

	spool_get(records, *place, record, sizeof(SectionRecord));
	*place += sizeof(SectionRecord);
	record->key.entity = load_code(records, place);
	record->key.basis = load_code(records, place);
	record->key.fund = load_code(records, place);
	record->key.account = load_code(records, place);
	record->key.currency = load_code(records, place);
	nblocks = section_nblocks(record);
	record->blocks = palloc_extended(nblocks * sizeof(int64), MCXT_ALLOC_HUGE);
	spool_get(records, *place, record->blocks, nblocks * sizeof(int64));
	*place += nblocks * sizeof(int64);
	for (int64 i = 0; i < nblocks; i++)
	{
		uint32 size = section_block_size(Min(record->rows - i * ROWS_IN_BLOCK, ROWS_IN_BLOCK));

		spool_get(from, record->blocks[i], block, size);
		record->blocks[i] = spool_put(to, block, size);
	}
	pfree(block);
	return record;
}

int
section_compare(const SectionRecord *a, const SectionRecord *b)
{
	const SectionKey *x = &a->key;
	const SectionKey *y = &b->key;
	int c;

	if ((c = code_compare(x->entity, y->entity)) != 0 ||
		(c = code_compare(x->basis, y->basis)) != 0)
		return c;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->month != y->month)
		return x->month < y->month ? -1 : 1;
	if ((c = code_compare(x->fund, y->fund)) != 0 ||
		(c = code_compare(x->account, y->account)) != 0)
		return c;
	return code_compare(x->currency, y->currency);
}

static void
put_code(StringInfo target, Code code)
{
	bytes_put_u32(target, code.len);
	bytes_put(target, code.data, code.len);
}

void
section_put_data(const SectionRecord *record, StringInfo target)
{
	bytes_put(target, SECTION, MAGIC_SIZE);
	appendStringInfoChar(target, (char) record->key.kind);
	bytes_put_u32(target, (uint32) record->key.month);
	put_code(target, record->key.fund);
	put_code(target, record->key.account);
	put_code(target, record->key.currency);
	bytes_put_u64(target, (uint64) record->rows);
	bytes_put_i128(target, record->debit);
	bytes_put_i128(target, record->credit);
	bytes_put(target, record->root.bytes, HASH_SIZE);
}

/* Takes a code from the front of some bytes; false where they are too few. */
static bool
get_code(const char **at, const char *end, Code *code)
{
	if (end - *at < sizeof(uint32))
		return false;
	code->len = bytes_get_u32(*at);
	code->data = *at + sizeof(uint32);
	if (code->len < 0 || end - code->data < code->len)
		return false;
	*at = code->data + code->len;
	*code = code_copy(*code);
	return true;
}

bool
section_get_data(SectionRecord *record, const char *data, uint32 size)
{
	const char *at = data + MAGIC_SIZE + 1 + sizeof(uint32);
	const char *end = data + size;

	memset(record, 0, sizeof(SectionRecord));
	if (at > end || memcmp(data, SECTION, MAGIC_SIZE) != 0)
		return false;
	record->key.kind = data[MAGIC_SIZE];
	record->key.month = (DateADT) bytes_get_u32(data + MAGIC_SIZE + 1);
	record->key.entity = record->key.basis = code_from_cstring("");
	if ((record->key.kind != ROW_HEADER && record->key.kind != ROW_LINE) ||
		!get_code(&at, end, &record->key.fund) || !get_code(&at, end, &record->key.account) ||
		!get_code(&at, end, &record->key.currency) ||
		end - at != sizeof(int64) + 2 * sizeof(int128) + HASH_SIZE)
		return false;
	record->rows = (int64) bytes_get_u64(at);
	record->debit = bytes_get_i128(at + sizeof(int64));
	record->credit = bytes_get_i128(at + sizeof(int64) + sizeof(int128));
	memcpy(record->root.bytes, end - HASH_SIZE, HASH_SIZE);
	return record->rows >= 0 && record->rows < MAX_ROWS;
}

void
section_block_get_head(SectionBlock *block, const char *head)
{
	block->first_je_id = (int64) bytes_get_u64(head);
	head += sizeof(int64);
	block->first_line_no = (int16) bytes_get_u16(head);
	head += sizeof(int16);
	memcpy(block->hash.bytes, head, HASH_SIZE);
	head += HASH_SIZE;
	for (int i = 0; i < COLUMN_GROUPS; i++, head += sizeof(uint32))
		block->checksums[i] = bytes_get_u32(head);
}

void
section_block_get_rows(SectionBlock *block, const char *rows, int nrows)
{
	Assert(nrows > 0 && nrows <= ROWS_IN_BLOCK);
	block->nrows = nrows;
	for (int i = 0; i < nrows; i++, rows += sizeof(uint16))
		block->row_checksums[i] = bytes_get_u16(rows);
}
